/// Bad input: a specific error for each, that names what was expected and what was found.
module Properties.Core.ErrorTests

open System
open System.Globalization
open System.Text.RegularExpressions
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

/// The error has this case, and its message all of these words.
let private saying
    (case: ParametrizationError -> bool)
    (words: string list)
    (result: Result<'a, ParametrizationError>)
    =
    match result with
    | Ok _ -> failtest "nothing was refused"
    | Error error ->
        Expect.isTrue (case error) $"the case of {error}"

        for word in words do
            Expect.stringContains error.Message word "the message"

/// Membership, initialisation, and parts in use refuse alike; projecting and sampling throw.
let private refuses (value: Parametrization) (good: torch.Tensor) (bad: torch.Tensor) case words =
    let parts = Parametrization.initializeNearest value good

    Parametrization.contains value bad |> saying case words
    Parametrization.initialize value bad |> saying case words
    Parametrization.initializeNearest value bad |> saying case words

    Expect.throwsT<ArgumentException> (fun () -> (Parametrization.project value bad).Dispose()) "project"

    match parts with
    | Ok parts -> Expect.isError (Parametrization.rightInverse value parts bad) "the right inverse"
    | Error error -> failtest $"{error}"

let private isShape =
    function
    | ParametrizationError.WrongShape _ -> true
    | _ -> false

let private isDtype =
    function
    | ParametrizationError.WrongDtype _ -> true
    | _ -> false

let private isDevice =
    function
    | ParametrizationError.WrongDevice _ -> true
    | _ -> false

let private isNotFinite =
    function
    | ParametrizationError.NotFinite _ -> true
    | _ -> false

let private isNotAllowed =
    function
    | ParametrizationError.NotAllowed _ -> true
    | _ -> false

let private ones (shape: int64 list) : torch.Tensor = torch.ones (List.toArray shape, device = Case.device)

let private square: torch.Tensor = (ones [ 3L; 3L ]).DetachFromDisposeScope()

let private forms: Test list =
    [
        inScope "a vector where a matrix is needed" (fun () ->
            refuses skew square (ones [ 3L ]) isShape [ "skew"; "at least 2 dimensions"; "[3]" ])
        inScope "a matrix that is not square" (fun () ->
            refuses skew square (ones [ 3L; 4L ]) isShape [ "skew"; "square"; "[3, 4]" ])
        inScope "a number where a vector is needed" (fun () ->
            refuses (sphere 1.0) square (ones []) isShape [ "sphere 1"; "at least 1 dimension"; "[]" ])
        inScope "an empty tensor" (fun () ->
            refuses cayley square (ones [ 0L; 3L ]) isShape [ "cayley"; "with entries"; "[0, 3]" ])
        inScope "an empty vector" (fun () ->
            refuses positive square (ones [ 0L ]) isShape [ "positive"; "with entries"; "[0]" ])
        inScope "a dimension that does not exist" (fun () ->
            refuses (weightNorm 1) square (ones [ 3L ]) isShape [ "weightNorm 1"; "dimension 1"; "[3]" ])
        inScope "another shape than that of the mask" (fun () ->
            let value = pruned (Pruning.Custom(Mask.OfTensor square))
            refuses value square (ones [ 2L; 2L ]) isShape [ "its mask"; "[3, 3]"; "[2, 2]" ])
        inScope "a kernel whose matrix is not square" (fun () ->
            refuses (onKernel skew) square (ones [ 3L; 2L; 2L ]) isShape [ "onKernel"; "square"; "[3, 2, 2]" ])
        inScope "integers" (fun () ->
            let integers = square.``to`` torch.ScalarType.Int32
            refuses skew square integers isDtype [ "skew"; "floating-point"; "Int32" ])
        inScope "truth values" (fun () ->
            refuses identity square (square.``to`` torch.ScalarType.Bool) isDtype [ "identity"; "Bool" ])
        inScope "complex numbers where there is no complex form" (fun () ->
            let complex = square.``to`` torch.ScalarType.ComplexFloat32
            refuses positive square complex isDtype [ "positive"; "real floating-point"; "ComplexFloat32" ])
        inScope "the meta device" (fun () ->
            let meta = torch.ones ([| 3L; 3L |], device = torch.META)
            refuses skew square meta isDevice [ "skew"; "meta" ])
        inScope "NaN" (fun () ->
            let bad = square.clone ()
            bad[0, 1] <- torch.tensor nan
            refuses skew square bad isNotFinite [ "skew"; "finite"; "1 of" ])
        inScope "infinity" (fun () -> refuses identity square (square * infinity) isNotFinite [ "identity"; "9 of" ])
        inScope "NaN among complex numbers" (fun () ->
            let bad = square.``to`` torch.ScalarType.ComplexFloat64 * nan
            refuses hermitian (square.``to`` torch.ScalarType.ComplexFloat64) bad isNotFinite [ "hermitian"; "9 of" ])
    ]

/// Tensors of the right form that lie outside of the space, and the words that the error must contain.
let private members: (string * Parametrization * (unit -> torch.Tensor) * string list) list =
    let orthogonalMatrix () = Parametrization.sample orthogonal (Form.ofTensor (ones [ 4L; 4L ])) None

    let reflection () = torch.diag (torch.tensor ([| 1.0f; 1.0f; -1.0f |], device = Case.device))

    [
        "no skew matrix", skew, (fun () -> square), [ "skew"; "W = -W^T"; "by 1 "; "project" ]
        "nearly skew",
        skew,
        (fun () ->
            let matrix = ones [ 3L; 3L ]
            matrix.triu 1L - matrix.tril -1L + torch.eye (3L, device = Case.device) * 1e-3),
        [ "skew"; "by 0.001 " ]
        "nearly orthogonal", orthogonal, (fun () -> orthogonalMatrix () * 1.01), [ "orthogonal"; "W^H W = I"; "0.02" ]
        "a reflection without base", orthogonalWithoutBase OrthogonalMap.Cayley, reflection, [ "det W = 1" ]
        "a negative determinant", invertible, reflection, [ "invertible"; "det W > 0" ]
        "a singular matrix", invertible, (fun () -> square), [ "invertible"; "sigma_min / sigma_max >= 1.19e-07" ]
        "below the lower bound",
        bounded -1.0 3.0,
        (fun () -> ones [ 2L ] * (-1.0 - 1e-3)),
        [ "bounded (-1.0) 3.0"; "-1 <= W_ij <= 3"; "0.001" ]
        "zero where positive", positive, (fun () -> ones [ 2L ] * 0.0), [ "positive"; "W_ij > 0" ]
        "an indefinite matrix", spd, (fun () -> reflection ()), [ "spd"; "l_min > 0 (over the largest entry)"; "by 1 " ]
        "a matrix that is not symmetric",
        spd,
        (fun () -> torch.eye (3L, device = Case.device) * 4.0 + (ones [ 3L; 3L ]).triu 1L),
        [ "spd"; "W = W^H (over the largest entry)"; "by 0.25 " ]
        "a matrix below a floor", spdAbove 2.0, (fun () -> torch.eye (3L, device = Case.device)), [ "L_ii >= 2" ]
        "the wrong norm", sphere 2.0, (fun () -> ones [ 4L ] * 1.1), [ "sphere 2"; "|w| = 2"; "0.2" ]
        "the wrong spectral norm", spectralNorm, (fun () -> square), [ "spectralNorm"; "|W|_2 = 1" ]
        "entries under the mask",
        pruned (Pruning.Custom(Mask.OfArray([| 2L |], [| true; false |]))),
        (fun () -> ones [ 2L ]),
        [ "pruned"; "under the mask" ]
        "no triangle", triangular Triangle.Lower, (fun () -> square), [ "triangular Triangle.Lower"; "above" ]
    ]

let private membership: Test list =
    [
        for name, value, build, words in members do
            inScope name (fun () ->
                let tensor = build ()
                Parametrization.contains value tensor |> saying isNotAllowed words
                Parametrization.initialize value tensor |> saying isNotAllowed words)
    ]

/// A violation is beyond what is allowed, so that its message does not say that both sides are equal where they are not.
let private measured: Test =
    inScope "what is violated is beyond what is allowed" (fun () ->
        let diagonal (last: float32) = torch.diag (torch.tensor ([| 1.0f; 1.0f; 1.0f; last |], device = Case.device))

        for entry in Catalogue.entries do
            for tensor in [ ones [ 4L; 4L ]; -(ones [ 4L; 4L ]); diagonal -1.0f; diagonal 1e-9f; diagonal 0.0f ] do
                match Parametrization.contains entry.Value tensor with
                | Error(ParametrizationError.NotAllowed(_, violation)) ->
                    let isStrict = violation.Size = 0.0 && violation.Limit = 0.0
                    Expect.isTrue (violation.Size > violation.Limit || isStrict) $"{entry.Name}: {violation}"
                | _ -> ())

let private inUse (value: Parametrization) (tensor: torch.Tensor) : Parts =
    match Parametrization.initializeNearest value tensor with
    | Ok parts -> parts
    | Error error -> failtest $"{error}"

let private assignments: Test list =
    [
        inScope "assigning another shape" (fun () ->
            let parts = inUse skew square

            Parametrization.rightInverse skew parts (ones [ 4L; 4L ])
            |> saying isShape [ "skew"; "[3, 3]"; "[4, 4]" ]

            Parametrization.admits skew parts (ones [ 4L; 4L ]) |> saying isShape [ "[3, 3]" ])
        inScope "assigning another element type" (fun () ->
            let double = (square * 0.0).``to`` torch.ScalarType.Float64

            Parametrization.rightInverse skew (inUse skew square) double
            |> saying isDtype [ "skew"; "Float32"; "Float64" ])
        inScope "assigning from the meta device" (fun () ->
            let meta = torch.ones ([| 3L; 3L |], device = torch.META)
            Parametrization.rightInverse skew (inUse skew square) meta |> saying isDevice [ "skew"; "meta" ])
        inScope "assigning NaN" (fun () ->
            Parametrization.rightInverse skew (inUse skew square) (square * nan)
            |> saying isNotFinite [ "skew" ])
        inScope "a mask in use" (fun () ->
            let value = pruned (Pruning.L1(Amount.Count 4L))
            let parts = inUse value square
            Parametrization.rightInverse value parts square |> saying isNotAllowed [ "under the mask" ])
        inScope "16-bit floats are fine" (fun () ->
            for dtype in [ torch.ScalarType.Float16; torch.ScalarType.BFloat16 ] do
                use half = (square * 0.0).``to`` dtype
                Expect.isOk (Parametrization.initialize skew half) $"{dtype}")
    ]

/// Options that describe no parametrization are programming errors.
let private options: Test list =
    let throws (name: string) (build: unit -> Parametrization) =
        testCase name (fun () -> Expect.throwsT<ArgumentException> (build >> ignore) name)

    [
        throws "bounded without order" (fun () -> bounded 1.0 1.0)
        throws "bounded without ends" (fun () -> bounded -infinity infinity)
        throws "bounded by NaN" (fun () -> bounded nan 1.0)
        throws "a sphere without radius" (fun () -> sphere 0.0)
        throws "an infinite sphere" (fun () -> sphereExp infinity)
        throws "a negative floor" (fun () -> spdAbove -1.0)
        throws "a negative spectral norm" (fun () -> spectralNormWith { SpectralNorm.defaults with Bound = -1.0 })
        throws "no power iterations" (fun () -> spectralNormWith { SpectralNorm.defaults with Iterations = 0 })
        throws "no epsilon" (fun () -> spectralNormWith { SpectralNorm.defaults with Epsilon = 0.0 })
        throws "steps for days" (fun () -> bjorck 1_000_000)
        throws "power iterations for days" (fun () ->
            spectralNormWith { SpectralNorm.defaults with Iterations = 1_000_000_000 })
        throws "an input of a billion places" (fun () -> convolutionNorm [ 1_000_000L; 1_000L ] 1.0)
        throws "an input of more places than there are numbers" (fun () ->
            convolutionNorm (List.replicate 3 System.Int64.MaxValue) 1.0)
        throws "pieces that add up to no number" (fun () ->
            slices 0 [ System.Int64.MaxValue, identity; System.Int64.MaxValue, identity ])
        throws "more than everything pruned" (fun () -> pruned (Pruning.L1(Amount.Share 1.5)))
        throws "a probability beyond 1" (fun () -> pruned (Pruning.Bernoulli(1.5, 1UL)))
        throws "a negative count pruned" (fun () -> pruned (Pruning.L1(Amount.Count -1L)))
    ]

/// Each number of each value of the catalogue in turn, out of the range of most options.
let private namesNumbers: Test =
    testCase "a number that is refused is named" (fun () ->
        let number = Regex @"(?<![\w.])-?\d+(\.\d+)?(L?)(?![\w.])"

        let refusals =
            [
                for entry in Catalogue.entries do
                    let code = entry.Value.Code

                    for literal in number.Matches code do
                        let wrong = if literal.Value.Contains '.' then "-3.25" else "-7"
                        let typed = wrong + literal.Groups[2].Value
                        let typed = if literal.Value.StartsWith '-' then typed else $"({typed})"
                        let text = code.Remove(literal.Index, literal.Length).Insert(literal.Index, typed)

                        match Parametrization.parse text with
                        | Error error when error.Expected.StartsWith "another argument of" ->
                            text, wrong, error.Expected
                        | _ -> ()
            ]

        Expect.isGreaterThan refusals.Length 50 "numbers that are refused"

        for text, wrong, refusal in refusals do
            // Pivots are computed.
            if not (refusal.Contains "pivot") then
                Expect.stringContains refusal wrong text)

/// Numbers in messages read as in code, whatever the culture of the thread.
let private alikeInCultures: Test =
    testCase "messages are alike in all cultures" (fun () ->
        let messages () =
            [
                for text in
                    [
                        "bounded 2.5 1.5"
                        "scale infinity"
                        "sphere -1.5"
                        "spdAbove -0.5"
                        "weightDropout 1.5"
                        "hurwitz infinity"
                        "conditioned 0.5"
                        "almostOrthogonal 1.5"
                        "lora 2L 0.0"
                        "pruned (Pruning.L1 (Amount.Share 1.5))"
                        "pruned (Pruning.Bernoulli(1.5, 1UL))"
                        "spectralNormWith { SpectralNorm.defaults with Bound = -2.5 }"
                    ] do
                    match Parametrization.parse text with
                    | Ok value -> failtest $"{value} is no value"
                    | Error error -> error.Message

                use _ = torch.NewDisposeScope()

                for entry in Catalogue.build () do
                    Tree.space(entry.Value.Tree).Name

                    for tensor in [ ones [ 4L; 4L ] * 2.5f.ToScalar(); -(ones [ 4L; 4L ]) ] do
                        match Parametrization.contains entry.Value tensor with
                        | Ok() -> ()
                        | Error error -> error.Message
            ]

        let inCulture (culture: CultureInfo) =
            let before = CultureInfo.CurrentCulture
            CultureInfo.CurrentCulture <- culture

            try
                messages ()
            finally
                CultureInfo.CurrentCulture <- before

        let other = CultureInfo.InvariantCulture.Clone() :?> CultureInfo
        other.NumberFormat.NumberDecimalSeparator <- ","
        other.NumberFormat.NegativeSign <- "minus "
        other.NumberFormat.PositiveInfinitySymbol <- "endless"
        let expected = inCulture CultureInfo.InvariantCulture
        Expect.isGreaterThan expected.Length 100 "messages"

        for text, same in List.zip (inCulture other) expected do
            Expect.equal text same "numbers with a comma")

let tests: Test =
    testList
        "errors"
        [
            testList "forms" forms
            testList "membership" (measured :: membership)
            testList "assignments" assignments
            testList "options" (alikeInCultures :: namesNumbers :: options)
        ]
