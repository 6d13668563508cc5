namespace Parametrize

open System.Runtime.CompilerServices

[<assembly: InternalsVisibleTo "Parametrize.CSharp">]
[<assembly: InternalsVisibleTo "Parametrize.Flows">]
[<assembly: InternalsVisibleTo "Parametrize.Laws">]
[<assembly: InternalsVisibleTo "Properties.Core">]
do ()
