/// What values say of the spaces that they yield is true of random members.
module Properties.Core.Values.ClaimTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

/// Spaces, and values that tell their members.
let private known: (Space * Parametrization) list =
    [
        PositiveSpaces.positive, positive
        PositiveSpaces.nonNegative, positiveBy PositiveMap.Square
        SymmetricSpaces.symmetric, symmetric
        SymmetricSpaces.hermitian, hermitian
        Tree.space skew.Tree, skew
        Tree.space skewHermitian.Tree, skewHermitian
        Tree.space (triangular Triangle.Lower).Tree, triangular Triangle.Lower
        Tree.space (triangular Triangle.Upper).Tree, triangular Triangle.Upper
        Tree.space diagonal.Tree, diagonal
        StiefelSpaces.stiefel, orthogonal
        PositiveDefiniteSpaces.positiveDefinite, matrixExponential
        InvertibleSpaces.positiveDeterminant, invertible
    ]

let private symmetricMask =
    Mask.OfArray(
        [| 4L; 4L |],
        [|
            for row in 0..3 do
                for column in 0..3 do
                    (row + column) % 3 <> 1
        |]
    )

let private single () : Parametrization list =
    [
        for entry in Catalogue.entries do
            entry.Value
        pruned (Pruning.Custom symmetricMask)
        bounded 0.0 1.0
        bounded 0.25 1.0
        bounded 0.0 infinity
        positiveBy PositiveMap.Exp
        slices 0 [ 2L, orthogonal; 2L, orthogonal ]
        slices 1 [ 1L, orthogonal; 3L, orthogonal ]
        slices -1 [ 4L, spd ]
        slices 0 [ 2L, positive; 2L, positive ]
        slices 0 [ 2L, triangular Triangle.Lower; 2L, triangular Triangle.Lower ]
        blockDiagonal [ spd; spd ]
        blockDiagonal [ skew; skew ]
        blockDiagonal [ positive; positive ]
        sum [ identity; spd ]
        product [ identity; spd ]
        // Tall and wide.
        kronecker (4L, 2L) orthogonal orthogonal
        where symmetricMask positive positive
        where symmetricMask positive identity
    ]

let private form: Form = { Shape = [| 4L; 4L |]; Dtype = torch.ScalarType.Float64; Device = torch.CPU }

/// What random parameters of these sizes yield.
let private membersOf (value: Parametrization) (sizes: float list) : torch.Tensor list =
    let case =
        {
            Shape = form.Shape
            Dtype = form.Dtype
            Scale = 1.0
            Seed = 7UL
            Device = form.Device
        }

    match Parametrization.start value (Case.unit 1UL case) with
    | Error _ -> []
    | Ok parts ->
        [
            for index, size in List.indexed sizes do
                let redrawn =
                    parts.Parameters
                    |> Seq.mapi (fun leaf old -> Case.normalOf old.shape size (uint64 (10 * index + leaf)) case)

                let moved = Parametrization.ofTensorsLike parts redrawn parts.Buffers value

                match Parametrization.refresh value moved with
                | Ok learnt -> Parametrization.forward value learnt
                | Error error -> failtest $"{value}: {error}"
        ]

let private holds (value: Parametrization) : unit =
    use _ = torch.NewDisposeScope()
    let space = Tree.space value.Tree
    let claims = known |> List.filter (fun (larger, _) -> space.IsWithin larger)

    if not claims.IsEmpty && Result.isOk (Parametrization.parameterForms value form) then
        for index, tensor in List.indexed (membersOf value [ 0.5; 30.0 ]) do
            for larger, judge in claims do
                // At the ends of its range rounding may take a map out of a space, but never to zero where that has none.
                if index = 0 || larger = PositiveSpaces.positive then
                    Expect.isOk (Parametrization.contains judge tensor) $"{value} yields {larger}"

/// What a space says does not leave it, done to members of a value that yields the space.
let private changed (closure: Closure) (x: torch.Tensor) (y: torch.Tensor) : torch.Tensor list =
    let rows = torch.tensor([| 0.5; 2.0; 3.0; 0.25 |], dtype = form.Dtype).unsqueeze -1L

    let pattern =
        torch.arange(16L, dtype = form.Dtype).reshape(4L, 4L).remainder(3.0.ToScalar()).eq(0.0.ToScalar())

    match closure with
    | Closure.Scaling -> [ x * 2.5.ToScalar(); x * 1e-3.ToScalar() ]
    | Closure.RowScaling -> [ x * rows ]
    | Closure.Negation -> [ -x ]
    | Closure.Reordering -> [ x.gather (-1L, (y.argsort -1L)) ]
    | Closure.Zeroing -> [ x * pattern.``to`` form.Dtype ]
    | Closure.EntrywiseMaps -> [ (x.cos () * 0.3.ToScalar()).exp() ]
    | Closure.EntrywiseChoice -> [ torch.where (pattern, x, y) ]
    | Closure.Sum -> [ x + y ]
    | Closure.Transposition -> [ x.mT ]
    | Closure.Everything -> [ (x.cos () + y) * pattern.``to`` form.Dtype ]
    // Of another shape.
    | Closure.DirectSum -> []

let private isClosed (value: Parametrization) : unit =
    use _ = torch.NewDisposeScope()
    let space = Tree.space value.Tree

    // A mask that is chosen by the tensor allows others than one space has.
    let choosesMask = value.Nodes |> Seq.exists Node.chooses

    if not choosesMask && Result.isOk (Parametrization.parameterForms value form) then
        let members = membersOf value [ 0.5; 0.7 ]

        for closure in (if members.IsEmpty then Set.empty else space.Closures) do
            let x, y = members[0], members[1]

            match changed closure x y with
            | _ :: _ as tensors ->
                for tensor in tensors do
                    Expect.isOk (Parametrization.contains value tensor) $"{value}: {closure} leaves {space}"
            | [] ->
                let both = torch.block_diag (x, y)

                match Parametrization.contains value both with
                | Ok()
                | Error(ParametrizationError.WrongShape _) -> ()
                | Error error -> failtest $"{value}: blocks leave {space}: {error}"

/// Allowed tensors that do not come back, among random ones whose numbers include those at which maps end.
let private losses (seeds: int list) (value: Parametrization) : string list =
    let numbers = [| 0.0; 1.0; -1.0; 3.0; 0.25; 0.5; 2.0; 1e-30; -1e-30; 1e30 |]

    [
        if Result.isOk (Parametrization.parameterForms value form) then
            for seed in seeds do
                use _ = torch.NewDisposeScope()
                let random = System.Random seed
                // Few numbers, often the same one.
                let some = Array.init (1 + seed % 3) (fun _ -> numbers[random.Next numbers.Length])
                let entries = Array.init 16 (fun _ -> some[random.Next some.Length])
                let tensor = torch.tensor(entries, dtype = form.Dtype).reshape form.Shape

                match Parametrization.contains value tensor, Parametrization.initialize value tensor with
                | Error _, _ -> ()
                | Ok(), Error error -> $"{value}, of %A{some}: {error}"
                | Ok(), Ok parts ->
                    let apart = Measures.apart (Parametrization.forward value parts) tensor

                    if not (apart <= 1e-6 * max 1.0 (Measures.largest tensor)) then
                        $"{value}, of %A{some}: {apart} away"
    ]

let private allComeBack (lost: string list) : unit =
    Expect.isEmpty lost (lost |> List.truncate 20 |> String.concat "\n")

/// Nodes that change nothing of what they read leave the narrower space before them.
let private staysNarrow () : unit =
    for before, behind in
        [
            spd, symmetric
            matrixExponential, symmetric
            diagonal, triangular Triangle.Lower
            unitTriangular Triangle.Upper, triangular Triangle.Upper
            bounded 0.5 1.0, positive >>> inverse positive
        ] do
        match Parametrization.tryAndThen behind before with
        | Ok both ->
            let space = Tree.space before.Tree

            if (Tree.space both.Tree).IsWithin(Tree.space behind.Tree) && both.Program.Nodes.Length = 2 then
                Expect.isTrue ((Tree.space both.Tree).IsWithin space) $"{both} yields {space}"
        | Error _ -> ()

let private pairs () : Parametrization list =
    [
        for left, right in List.allPairs (single ()) (single ()) do
            match Parametrization.tryAndThen right left with
            | Ok both -> both
            | Error _ -> ()
    ]

let tests: Test =
    testList
        "claims"
        [
            testCase "values yield the spaces that they say" (fun () -> single () |> List.iter holds)
            testCase "what spaces say does not leave them" (fun () -> single () |> List.iter isClosed)
            testCase
                "chains of two yield the spaces that they say, which what these say does not leave, and what is allowed comes back"
                (fun () ->
                    let lost =
                        [
                            for both in pairs () do
                                holds both
                                isClosed both
                                yield! losses [ 1; 2 ] both
                        ]

                    allComeBack lost)
            testCase "what is allowed comes back, at the ends of maps too" (fun () ->
                single () |> List.collect (losses [ 1..12 ]) |> allComeBack)
            testCase "narrow spaces stay narrow" staysNarrow
            testCase "a part of a space is not taken for the whole" (fun () ->
                for before in [ skew; diagonal; bounded -1.0 3.0; blockDiagonal [ symmetric; symmetric ]; orthogonal ] do
                    let exponentials = before >>> positiveBy PositiveMap.Exp
                    let logarithms = exponentials >>> inverse (positiveBy PositiveMap.Exp)

                    for value, behind in
                        [
                            exponentials, sphere 1.0
                            exponentials, spectralNorm
                            logarithms, skew
                            logarithms, weightNorm 0
                        ] do
                        Expect.isError (Parametrization.tryAndThen behind value) $"{value} >>> {behind}")
            testCase "an edge that is zero is not positive" (fun () ->
                let needsPositive = inverse (positiveBy PositiveMap.Exp)
                Expect.isError (Parametrization.tryAndThen needsPositive (bounded 0.0 1.0)) "it may be zero"
                Expect.isOk (Parametrization.tryAndThen needsPositive (bounded 0.25 1.0)) "it is positive")
            testCase "a view keeps the number that an entry may be" (fun () ->
                for value in single () do
                    let inner, outer = Tree.space value.Tree, Tree.space (transposed value).Tree

                    if inner.IsClosedUnder Closure.EntrywiseChoice then
                        Expect.equal outer.Interior inner.Interior $"a number of transposed {value}")
        ]
