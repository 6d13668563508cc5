namespace Parametrize

open Parametrize.Values

/// Tensors under masks.
[<RequireQualifiedAccess>]
module internal PruningHeads =

    let private amount =
        Argument.case
            "an amount such as (Amount.Share 0.5)"
            [
                "Amount.Share", Argument.one Argument.number Amount.Share
                "Amount.Count", Argument.one Argument.long Amount.Count
                "Amount.UpTo", Argument.one Argument.number Amount.UpTo
            ]

    let private pruning =
        let number, integer, seed = Argument.number, Argument.integer, Argument.seed

        Argument.case
            "a pruning such as (Pruning.UpTo 0.5)"
            [
                "Pruning.Nothing", Argument.none Pruning.Nothing
                "Pruning.Bernoulli", Argument.two number seed (fun share seed -> Pruning.Bernoulli(share, seed))
                "Pruning.Random", Argument.two amount seed (fun amount seed -> Pruning.Random(amount, seed))
                "Pruning.RandomStructured",
                Argument.three amount integer seed (fun amount dimension seed ->
                    Pruning.RandomStructured(amount, dimension, seed))
                "Pruning.UpTo", Argument.one number Pruning.UpTo
                "Pruning.L1", Argument.one amount Pruning.L1
                "Pruning.Ln",
                Argument.three amount number integer (fun amount power dimension ->
                    Pruning.Ln(amount, power, dimension))
                "Pruning.Groups", Argument.two integer integer (fun keep size -> Pruning.Groups(keep, size))
                "Pruning.Custom", Argument.one mask Pruning.Custom
            ]

    let all () : Head list =
        [
            of1
                "pruned"
                "Pruned({0})"
                pruning
                pruned
                [
                    "pruned, Bernoulli", Pruning.Bernoulli(0.3, 7UL)
                    "pruned, share", Pruning.L1(Amount.Share 0.4)
                    "pruned, count", Pruning.L1(Amount.Count 2L)
                    "pruned, mask", Pruning.Custom checkered
                    "pruned, nothing", Pruning.Nothing
                    "pruned, random share", Pruning.Random(Amount.Share 0.4, 11UL)
                    "pruned, random count", Pruning.Random(Amount.Count 2L, 12UL)
                    "pruned, random channels", Pruning.RandomStructured(Amount.Share 0.5, -1, 13UL)
                    "pruned, L1 channels", Pruning.Ln(Amount.Share 0.5, 1.0, 0)
                    "pruned, L2 channels", Pruning.Ln(Amount.Share 0.5, 2.0, 0)
                    "pruned, L0.5 channels", Pruning.Ln(Amount.Count 1L, 0.5, -1)
                    "pruned, largest entries of channels", Pruning.Ln(Amount.Share 0.3, infinity, 1)
                    "pruned, up to", Pruning.UpTo 0.6
                    "pruned, random up to", Pruning.Random(Amount.UpTo 0.4, 17UL)
                    "pruned, channels up to", Pruning.Ln(Amount.UpTo 0.5, 0.0, -1)
                    "pruned, random channels up to", Pruning.RandomStructured(Amount.UpTo 0.5, 0, 18UL)
                    "pruned, 2 of 4", Pruning.Groups(2, 4)
                ]
        ]
