/// What is said of arguments that make no sense, word for word: which value, what it needs, and what was given.
module Properties.Core.Values.ArgumentSentenceTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private ones (shape: int64 list) : torch.Tensor =
    torch.ones (List.toArray shape, dtype = float64, device = Case.device)

let private started (value: Parametrization) (shape: int64 list) : Parts =
    orFail (Parametrization.start value (ones shape))

let private ofTensors value (shape: int64 list) parameters buffers () =
    Parametrization.ofTensorsOfShape (List.toArray shape) (List.map ones parameters) (List.map ones buffers) value
    |> ignore

/// The name of the argument, as .NET adds it.
let private of' (name: string) (sentence: string) : string = $"{sentence} (Parameter '{name}')"

let private parts: (string * (unit -> unit) * string) list =
    [
        "too many parameters",
        ofTensors positive [ 3L ] [ [ 3L ]; [ 3L ] ] [],
        of' "parameters" "positive has (1, 0) parameters and buffers, but (2, 0) were given."
        "too few buffers",
        ofTensors spectralNorm [ 3L; 4L ] [ [ 3L; 4L ] ] [ [ 3L ] ],
        of' "parameters" "spectralNorm has (1, 2) parameters and buffers, but (1, 1) were given."
        "a parameter of another shape",
        ofTensors (weightNorm 0) [ 3L; 4L ] [ [ 4L; 1L ]; [ 3L; 4L ] ] [],
        of'
            "parameters"
            "The parameter `original0` of weightNorm 0 must have shape [3, 1] for a tensor of shape [3, 4], but it has [4, 1]."
        "a buffer of another shape",
        ofTensors spectralNorm [ 3L; 4L ] [ [ 3L; 4L ] ] [ [ 3L ]; [ 5L ] ],
        of'
            "buffers"
            "The buffer `0._v` of spectralNorm must have shape [4] for a tensor of shape [3, 4], but it has [5]."
        "a shape that the value does not have",
        ofTensors skew [ 3L; 4L ] [ [ 3L; 4L ] ] [],
        of'
            "parameters"
            "skew expects square matrices (the last two dimensions equal), but the tensor has shape [3, 4]."
        "a shape that is not told",
        (fun () ->
            Parametrization.ofTensors [ ones [ 2L; 1L ]; ones [ 2L; 6L ] ] [] (onKernel (weightNorm 0))
            |> ignore),
        of'
            "parameters"
            "The shape of onKernel (weightNorm 0) does not follow from its parameters. Use `ofTensorsOfShape`."
        "a parameter that is disposed",
        (fun () ->
            let gone = ones [ 3L ]
            gone.Dispose()
            Parametrization.ofTensors [ gone ] [] positive |> ignore),
        of' "parameters" "The tensor has been disposed. Give one that lives, or a copy of it made before."
        "parts of another value",
        (fun () -> Parametrization.forward spectralNorm (started skew [ 3L; 3L ]) |> ignore),
        of' "parts" "The parts are of another value than spectralNorm, which has 1 parameters and 2 buffers."
        "parts of another value, in training",
        (fun () -> Parametrization.forwardInTraining (weightNorm 0) (started skew [ 3L; 3L ]) |> ignore),
        of' "parts" "The parts are of another value than weightNorm 0, which has 2 parameters and 0 buffers."
        "a node that does not exist",
        (fun () -> Parametrization.forwardTo 2 (skew >>> cayley) (started (skew >>> cayley) [ 3L; 3L ]) |> ignore),
        of' "position" "skew >>> cayley has 2 nodes, counted from 0." + "\nActual value was 2."
    ]

let private quantities: (string * (unit -> unit) * string) list =
    let ofParts compute value shape () = compute value (started value shape) |> ignore
    let solved (right: torch.Tensor) value parts = Parametrization.solve value parts right

    [
        "a determinant of what is not square",
        ofParts Parametrization.logAbsDet identity [ 3L; 4L ],
        of' "value" "Square matrices are needed, but identity yields the shape [3, 4]."
        "a determinant of vectors",
        ofParts Parametrization.logAbsDet positive [ 3L ],
        of' "value" "Square matrices are needed, but positive yields the shape [3]."
        "a solution for columns that do not fit",
        (fun () -> ofParts (solved (ones [ 2L; 5L ])) orthogonal [ 3L; 3L ] ()),
        of'
            "right"
            "orthogonal yields the shape [3, 3], so that columns of 3 numbers are needed, but the shape is [2, 5]."
        "a solution for batches that do not fit",
        (fun () -> ofParts (solved (ones [ 2L; 3L; 1L ])) skew [ 4L; 3L; 3L ] ()),
        of'
            "right"
            "skew yields the shape [4, 3, 3], so that columns of 3 numbers are needed, but the shape is [2, 3, 1]."
        "a solution in another element type",
        (fun () -> ofParts (solved ((ones [ 3L ]).``to`` float32)) orthogonal [ 3L; 3L ] ()),
        of' "right" "orthogonal yields Float64, but the right-hand side is Float32."
        "volumes of more dimensions than there are",
        ofParts (Parametrization.logVolumes 3) positive [ 3L; 4L ],
        of' "dimensions" "The number of dimensions must be from 0 to 2 for the shape [3, 4], but it is 3."
        "volumes of less than none",
        ofParts (Parametrization.logVolumes -1) positive [ 3L ],
        of' "dimensions" "The number of dimensions must be from 0 to 1 for the shape [3], but it is -1."
        "volumes of fewer dimensions than are computed together",
        ofParts (Parametrization.logVolumes 1) spd [ 3L; 3L ],
        of'
            "dimensions"
            "In [3, 3], spd computes entries together that lie in several tensors of the last 1 dimensions. Ask for more dimensions."
        "a volume that is not known",
        (fun () -> Parametrization.applyWithLogVolumes 1 (sphere 1.0) (ones [ 3L ]) |> ignore),
        of' "value" "The volume of sphere 1.0 is not known in closed form."
    ]

let private functions: (string * (unit -> unit) * string) list =
    [
        "a function of several tensors",
        (fun () -> Parametrization.apply (weightNorm 0) (ones [ 3L ]) |> ignore),
        of'
            "value"
            "Only a value of one parameter and no buffers maps a tensor, but weightNorm 0 has 2 parameters and 0 buffers. Use `forward` with parts."
        "a function with buffers",
        (fun () -> Parametrization.apply spectralNorm (ones [ 3L; 3L ]) |> ignore),
        of'
            "value"
            "Only a value of one parameter and no buffers maps a tensor, but spectralNorm has 1 parameters and 2 buffers. Use `forward` with parts."
        "a function of other tensors",
        (fun () -> Parametrization.apply skew (ones [ 3L; 4L ]) |> ignore),
        of' "x" "skew expects square matrices (the last two dimensions equal), but the tensor has shape [3, 4]."
        "a function of vectors of a number",
        (fun () -> Parametrization.apply simplex (ones []) |> ignore),
        of' "x" "simplex expects a tensor of at least 1 dimension, but the tensor has shape []."
        "a function of matrices of a number",
        (fun () -> Parametrization.apply doublyStochastic (ones []) |> ignore),
        of'
            "x"
            "doublyStochastic expects a matrix or a batch of matrices (at least 2 dimensions), but the tensor has shape []."
        "what has several parameters is not undone",
        (fun () -> Parametrization.undo toeplitz (ones [ 3L; 3L ]) |> ignore),
        of' "value" "toeplitz cannot be undone: it has 2 parameters."
        "what carries buffers is not undone",
        (fun () -> Parametrization.undo cayley (ones [ 3L; 3L ]) |> ignore),
        of' "value" "cayley cannot be undone: it carries buffers."
        "what forgets is not undone",
        (fun () -> Parametrization.undo (scale 2.0 >>> sphere 1.0) (ones [ 3L ]) |> ignore),
        of'
            "value"
            "scale 2.0 >>> sphere 1.0 cannot be undone: sphere 1.0 is not known to yield each tensor from one parameter only."
        "a projection of another shape",
        (fun () -> Parametrization.project skew (ones [ 3L; 4L ]) |> ignore),
        of' "tensor" "skew expects square matrices (the last two dimensions equal), but the tensor has shape [3, 4]."
        "a sample of another element type",
        (fun () ->
            Parametrization.sample positive { Form.ofTensor (ones [ 3L ]) with Dtype = torch.ScalarType.Int64 } None
            |> ignore),
        of' "form" "positive expects a real floating-point tensor, but the tensor is Int64. Convert it with `to`."
        "too few values of a node",
        (fun () -> gain [ identity ] |> ignore),
        of' "inputs" "gain [ identity; spectralNorm ] needs one value for each of its 2 tensors, not 1."
        "too many values of a value",
        (fun () -> joined [ identity; identity; identity ] (weightNorm 0) |> ignore),
        of' "inputs" "weightNorm 0 needs one value for each of its 2 tensors, not 3."
        "an inverse of what is not one value",
        (fun () -> inverse (positive >>> sphere 1.0) |> ignore),
        of'
            "value"
            "sphere 1.0 is not a bijection of entries, so it has no inverse. Use scale, shift, positive, bounded, or a chain of these."
    ]

let private scores: (string * (unit -> unit) * string) list =
    let masked scores kept pruning () = PruningMask.ofScores scores kept pruning |> ignore
    let mask = Mask.OfArray([| 2L |], [| true; false |])

    [
        "scores of another shape than the mask",
        (fun () -> masked (ones [ 3L ]) (Some mask) (Pruning.L1(Amount.Count 1L)) ()),
        of' "scores" "The scores must have the shape of the mask."
        "scores that are no numbers",
        (fun () -> masked (ones [ 3L ] * nan.ToScalar()) None (Pruning.L1(Amount.Count 1L)) ()),
        of' "scores" "The scores must not be NaN."
        "no scores",
        (fun () -> masked (ones [ 0L ]) None (Pruning.L1(Amount.Share 0.5)) ()),
        of' "scores" "There are no entries to prune."
        "scores that do not suit",
        (fun () -> masked (ones [ 3L ]) None (Pruning.Groups(1, 2)) ()),
        of' "scores" "(Pruning.Groups(1, 2)) expects a last dimension that 2 divides, but the scores have shape [3]."
        "more than is left",
        (fun () -> masked (ones [ 2L ]) (Some mask) (Pruning.L1(Amount.Count 2L)) ()),
        of' "pruning" "2 entries are to be pruned, but only 1 are left."
        "a mask of too few entries",
        (fun () -> Mask.OfArray([| 2L; 2L |], [| true |]) |> ignore),
        of' "kept" "A mask of shape [2, 2] needs 4 entries, but 1 were given."
        "a mask of other numbers",
        (fun () -> Mask.OfTensor(ones [ 3L ] * 2.0.ToScalar()) |> ignore),
        of' "tensor" "A mask holds ones, where entries stay, and zeros, but 3 of its entries are neither."
    ]

let tests: Test =
    testList
        "sentences of arguments"
        [
            for name, work, sentence in parts @ quantities @ functions @ scores do
                inScope name (fun () ->
                    let message =
                        try
                            work ()
                            "nothing is said"
                        with :? ArgumentException as error ->
                            error.Message

                    Expect.equal message sentence "the message")
        ]
