/// Complex numbers whose parts are numbers of the element type and whose modulus is not: they count as infinite, whatever reads them.
module Properties.Core.Values.ModulusTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// The real and the imaginary part of some entries of a normal matrix, as shares of the largest number.
let private tensor (dtype: torch.ScalarType) (share: float) (count: int64) : torch.Tensor =
    let most = Form.greatest dtype * share
    let matrix = normalOn Case.device dtype 3UL [ 3L; 3L ]
    let parts = matrix.flatten().view_as_real().clone()
    parts.narrow(0L, 0L, count).fill_(most.ToScalar()) |> ignore
    parts.view_as_complex().reshape(3L, 3L)

let private values: Parametrization list =
    [
        identity
        scale 2.0
        symmetric
        hermitian
        skewHermitian
        triangular Triangle.Lower
        sphere 1.0
        weightNorm 0
        spectralNorm
        orthogonal
        unitary
        spd
        lipschitz 2.0
        toeplitz
        circulant
        pruned (Pruning.L1(Amount.Share 0.5))
        onKernel orthogonal
        transposed (sphere 1.0)
    ]

let private isRefused (value: Parametrization) (dtype: torch.ScalarType) : unit =
    for count in [ 1L; 4L ] do
        use _ = torch.NewDisposeScope()
        let large = tensor dtype 0.8 count

        for what, found in
            [
                "start", Parametrization.start value large |> Result.map ignore
                "initialize", Parametrization.initialize value large |> Result.map ignore
                "contains", Parametrization.contains value large
            ] do
            match found with
            | Error(ParametrizationError.NotFinite(name, found)) ->
                Expect.equal found count $"{value}, {dtype}, {what}: how many"
                Expect.equal name value.Code $"{value}, {dtype}, {what}: which value"
            | other -> failtest $"{value}, {dtype}, {what}: %A{other}"

        // Each a number by its parts and by its modulus.
        match Parametrization.contains value (tensor dtype 0.7 count) with
        | Error(ParametrizationError.NotFinite(_, found)) -> failtest $"{value}, {dtype}: {found} of numbers"
        | _ -> ()

let tests: Test =
    testCase "moduli that are no numbers" (fun () ->
        for value in values do
            for dtype in [ torch.complex64; torch.complex128 ] do
                isRefused value dtype)
