namespace Parametrize

open Parametrize.Values

/// Small changes of frozen weights.
[<RequireQualifiedAccess>]
module internal AdaptersHeads =

    let all () : Head list =
        [
            of2 "lora" "Lora({0}, {1})" Argument.long Argument.number lora [ "lora", 2L, 4.0 ]
            of2 "rsLora" "RsLora({0}, {1})" Argument.long Argument.number rsLora [ "rsLora", 3L, 4.0 ]
            of2 "dora" "Dora({0}, {1})" Argument.long Argument.number dora [ "dora", 2L, 4.0 ]
            of1 "oft" "Oft({0})" Argument.long oft [ "oft", 2L ]
        ]
