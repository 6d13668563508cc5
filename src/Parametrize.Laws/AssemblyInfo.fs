namespace Parametrize.Laws

open System.Runtime.CompilerServices

[<assembly: InternalsVisibleTo "Properties.Core">]
do ()
