/// How a line is written: which tensors an entry of the catalogue is tried with, and what the laws need to know of it.
[<AutoOpen>]
module internal Properties.Core.Generators.Line

open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

let line name shapes dtypes scales : Subject =
    {
        Name = name
        Value = Parametrization.identity
        Rebuilt = fun () -> Parametrization.identity
        Shapes = shapes
        Dtypes = dtypes
        Scales = scales
        Devices = [ Case.device ]
        Reads = None
        Miss = None
        SmoothAtZero = true
        HalfLimit = infinity
        Accuracy = fun _ -> 1.0
        Ground = 0.0
    }

let bijection reads (subject: Subject) = { subject with Reads = reads }
let missedBy miss (subject: Subject) = { subject with Miss = miss }
let roughAtZero (subject: Subject) = { subject with SmoothAtZero = false }
let onGround ground (subject: Subject) = { subject with Ground = ground }
let within accuracy (subject: Subject) = { subject with Accuracy = fun _ -> accuracy }
let halvesTo limit (subject: Subject) = { subject with HalfLimit = limit }

/// The rounding errors of an exponential grow with its argument.
let exponential accuracy (subject: Subject) = { subject with Accuracy = fun scale -> accuracy * max 1.0 (10.0 * scale) }
