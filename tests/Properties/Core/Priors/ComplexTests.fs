/// Which densities accept complex tensors, and the errors of the others.
module Properties.Core.Priors.ComplexTests

open System
open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private definite = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

let private complex: (Prior * int64 list) list =
    [
        Prior.normal 1.0, [ 3L ]
        Prior.normalAround 2.0 1.0, [ 3L ]
        Prior.laplace 1.0, [ 3L ]
        Prior.studentT 2.0 1.0, [ 3L ]
        Prior.ofValue (scale 2.0) (Prior.normal 1.0), [ 3L ]
        Prior.uniform (sphere 1.0), [ 3L ]
        Prior.uniform orthogonal, [ 4L; 2L ]
        Prior.uniform unitary, [ 2L; 2L ]
        Prior.uniform specialUnitary, [ 2L; 2L ]
    ]

/// Priors that refuse complex tensors, and what their error expects instead.
let private real: (Prior * int64 list * string) list =
    let entries = "a real floating-point tensor"

    [
        Prior.ofValue positive (Prior.normal 1.0), [ 3L ], ""
        Prior.dirichlet [ 2.0 ], [ 3L ], entries
        Prior.lkj 2.0, [ 3L; 3L ], entries
        Prior.lkjCholesky 2.0, [ 3L; 3L ], entries
        Prior.wishart 4.0 1.0, [ 3L; 3L ], "real matrices"
        Prior.wishartOf 4.0 definite, [ 2L; 2L ], "real matrices"
        Prior.inverseWishart 4.0 1.0, [ 3L; 3L ], "real matrices"
        Prior.inverseWishartOf 4.0 definite, [ 2L; 2L ], "real matrices"
        Prior.uniform (bounded 0.0 1.0), [ 3L ], entries
        Prior.uniform simplex, [ 3L ], entries
        Prior.uniform specialOrthogonal, [ 2L; 2L ], entries
        Prior.vonMisesFisher [ 1.0; 2.0; 3.0 ], [ 3L ], "real vectors"
        Prior.langevin definite, [ 2L; 2L ], "real matrices"
    ]

let private formOf (shape: int64 list) : Form =
    {
        Shape = List.toArray shape
        Dtype = torch.ScalarType.ComplexFloat64
        Device = Case.device
    }

/// A tensor in the space of the prior if it can be sampled, else ones.
let private memberOf (prior: Prior) (form: Form) : torch.Tensor =
    try
        Parametrization.sample prior.Density.Support form None
    with :? ArgumentException ->
        torch.ones (form.Shape, dtype = form.Dtype, device = form.Device)

let private accepted (prior: Prior, shape: int64 list) : Test =
    testCase $"{prior} is of complex tensors" (fun () ->
        use _ = torch.NewDisposeScope()
        let form = formOf shape
        let found = Prior.logDensity prior (memberOf prior form)
        Expect.isTrue (found.is_floating_point ()) "a real number"

        if Prior.canSample prior then
            Expect.equal (Form.ofTensor (Prior.sample prior form None)) form "a sample")

let private refused (prior: Prior, shape: int64 list, expected: string) : Test =
    testCase $"{prior} is of real tensors" (fun () ->
        use _ = torch.NewDisposeScope()
        let form = formOf shape

        let said (work: unit -> torch.Tensor) =
            Expect.throwsC (fun () -> work () |> ignore) (fun error ->
                Expect.isTrue (error :? ArgumentException) $"{error.GetType()}: {error.Message}"
                Expect.stringContains error.Message expected "what is expected"
                Expect.stringContains error.Message "ComplexFloat64" "what is found")

        said (fun () -> Prior.logDensity prior (memberOf prior form))
        said (fun () -> Prior.logDensityBy Measure.Textbook prior (memberOf prior form))

        if Prior.canSample prior then
            said (fun () -> Prior.sample prior form None))

let tests: Test =
    testList
        "densities of complex tensors"
        [
            for each in complex do
                accepted each
            for each in real do
                refused each
        ]
