/// Integrals over spaces of few dimensions, by charts and their areas that share nothing with the library.
module Properties.Core.Priors.Quadrature

open System
open Parametrize
open Parametrize.Laws
open TorchSharp

/// A box of parameters, and the tensors of a space that they tell with the stretch of areas there.
type Chart =
    {
        Box: (float * float) list
        Tensors: torch.Tensor list -> torch.Tensor * torch.Tensor
    }

/// Gauss's nodes and weights, roots of Legendre's polynomial by Newton's method.
let private gauss (count: int) (low: float, high: float) : (float * float)[] =
    let polynomial (x: float) =
        let mutable before, now = 1.0, x

        for k in 2..count do
            let k = float k
            let next = ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k
            before <- now
            now <- next

        now, float count * (x * now - before) / (x * x - 1.0)

    [|
        for index in 1..count do
            let mutable x = cos (Math.PI * (float index - 0.25) / (float count + 0.5))

            for _ in 1..6 do
                let value, slope = polynomial x
                x <- x - value / slope

            let _, slope = polynomial x
            let weight = 2.0 / ((1.0 - x * x) * slope * slope)
            (low + high) / 2.0 + (high - low) / 2.0 * x, (high - low) / 2.0 * weight
    |]

let private tensor (numbers: float[]) : torch.Tensor =
    (torch.tensor (numbers, dtype = torch.ScalarType.Float64)).``to`` Case.device

/// Of any function of the tensors, one number for each.
let integral (chart: Chart) (ofTensors: torch.Tensor -> torch.Tensor) : float =
    use _ = torch.NewDisposeScope()
    let count = if chart.Box.Length >= 3 then 32 else 64
    let sides = chart.Box |> List.map (gauss count)

    let points =
        ([ [], 1.0 ], sides)
        ||> List.fold (fun points side ->
            [
                for coordinates, weight in points do
                    for x, w in side -> x :: coordinates, weight * w
            ])

    let coordinate (index: int) =
        points |> List.map (fun (xs, _) -> xs[chart.Box.Length - 1 - index]) |> List.toArray |> tensor

    let tensors, areas = chart.Tensors [ for index in 0 .. chart.Box.Length - 1 -> coordinate index ]
    let weights = points |> List.map snd |> List.toArray |> tensor
    ((ofTensors tensors) * areas * weights).sum().item<double>()

let private stack (entries: torch.Tensor list) : torch.Tensor = torch.stack (List.toArray entries, -1L)

let private matrix (rows: torch.Tensor list list) : torch.Tensor =
    torch.stack (rows |> List.map stack |> List.toArray, -2L)

let private ones (x: torch.Tensor) : torch.Tensor = torch.ones_like x

let private one: float * float = 0.0, 1.0
let private turn: float * float = 0.0, 2.0 * Math.PI

let interval (low: float) (high: float) : Chart = { Box = [ low, high ]; Tensors = fun x -> x.Head, ones x.Head }

let simplex2: Chart =
    {
        Box = [ one ]
        Tensors = fun x -> stack [ x[0]; 1.0 - x[0] ], ones x[0] * sqrt 2.0
    }

let simplex3: Chart =
    {
        Box = [ one; one ]
        Tensors =
            fun x ->
                let b = (1.0 - x[0]) * x[1]
                stack [ x[0]; b; 1.0 - x[0] - b ], (1.0 - x[0]) * sqrt 3.0
    }

let circle (radius: float) : Chart =
    {
        Box = [ turn ]
        Tensors = fun x -> stack [ x[0].cos() * radius; x[0].sin() * radius ], ones x[0] * radius
    }

/// By height and angle, which keep areas (Archimedes).
let sphere (radius: float) : Chart =
    {
        Box = [ (-1.0, 1.0); turn ]
        Tensors =
            fun x ->
                let across = (1.0 - x[0].square()).sqrt()
                stack [ x[0]; across * x[1].cos(); across * x[1].sin() ] * radius, ones x[0] * (radius * radius)
    }

let correlation2: Chart =
    {
        Box = [ (-1.0, 1.0) ]
        Tensors = fun x -> matrix [ [ ones x[0]; x[0] ]; [ x[0]; ones x[0] ] ], ones x[0] * sqrt 2.0
    }

/// The third correlation by the partial one.
let correlation3: Chart =
    {
        Box = [ (-1.0, 1.0); (-1.0, 1.0); (-1.0, 1.0) ]
        Tensors =
            fun x ->
                let free = ((1.0 - x[0].square()) * (1.0 - x[1].square())).sqrt()
                let last = x[0] * x[1] + x[2] * free
                let one = ones x[0]
                matrix [ [ one; x[0]; x[1] ]; [ x[0]; one; last ]; [ x[1]; last; one ] ], free * (sqrt 2.0 ** 3.0)
    }

/// A half circle, and a half sphere.
let factor3: Chart =
    {
        Box = [ (-Math.PI / 2.0, Math.PI / 2.0); one; turn ]
        Tensors =
            fun x ->
                let across = (1.0 - x[1].square()).sqrt()
                let zero = torch.zeros_like x[0]

                matrix
                    [
                        [ ones x[0]; zero; zero ]
                        [ x[0].sin(); x[0].cos(); zero ]
                        [ across * x[2].cos(); across * x[2].sin(); x[1] ]
                    ],
                ones x[0]
    }

/// By the logarithm of the number.
let definite1: Chart =
    {
        Box = [ (-10.0, 5.0) ]
        Tensors = fun x -> matrix [ [ x[0].exp() ] ], x[0].exp()
    }

/// By the logarithms of the diagonal, and the correlation.
let definite2: Chart =
    {
        Box = [ (-7.0, 5.0); (-7.0, 5.0); (-1.0, 1.0) ]
        Tensors =
            fun x ->
                let a, c = x[0].exp(), x[1].exp()
                let root = (a * c).sqrt()
                let b = root * x[2]
                matrix [ [ a; b ]; [ b; c ] ], a * c * root * sqrt 2.0
    }

/// Rotations of the plane, along which the norm is sqrt 2 times the angle.
let rotations: Chart =
    {
        Box = [ turn ]
        Tensors = fun x -> matrix [ [ x[0].cos(); -(x[0].sin()) ]; [ x[0].sin(); x[0].cos() ] ], ones x[0] * sqrt 2.0
    }

/// The other orthogonal matrices of the plane.
let reflections: Chart =
    {
        Box = [ turn ]
        Tensors = fun x -> matrix [ [ x[0].cos(); x[0].sin() ]; [ x[0].sin(); -(x[0].cos()) ] ], ones x[0] * sqrt 2.0
    }

/// Two orthonormal columns in space: the second at an angle around the first. The norm is sqrt 2 times the angle by which the plane
/// of both turns in itself.
let frames: Chart =
    {
        Box = [ (-1.0, 1.0); turn; turn ]
        Tensors =
            fun x ->
                let across = (1.0 - x[0].square()).sqrt()
                let zero = torch.zeros_like x[0]
                let first = stack [ x[0]; across * x[1].cos(); across * x[1].sin() ]
                let along = stack [ -across; x[0] * x[1].cos(); x[0] * x[1].sin() ]
                let around = stack [ zero; -(x[1].sin()); x[1].cos() ]
                let turned (x: torch.Tensor) = x.unsqueeze -1L
                let second = along * turned (x[2].cos()) + around * turned (x[2].sin())
                torch.stack ([| first; second |], -1L), ones x[0] * sqrt 2.0
    }
