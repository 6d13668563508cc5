/// Exactly how many entries and channels are hidden, where zeros were there before and where others were pruned.
module Properties.Core.Values.PruningCountTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

/// As Python rounds: half to even.
let private rounded (number: float) : int64 =
    let below = floor number
    let rest = number - below

    if rest < 0.5 then int64 below
    elif rest > 0.5 then int64 below + 1L
    else int64 below + int64 below % 2L

let private normal (seed: uint64) (shape: int64 list) : torch.Tensor =
    Case.unit
        1UL
        {
            Shape = List.toArray shape
            Dtype = torch.ScalarType.Float64
            Scale = 1.0
            Seed = seed
            Device = Case.device
        }

/// The first so many entries, or rows, are zero.
let private withZeros (count: int64) (tensor: torch.Tensor) : torch.Tensor =
    let holed = tensor.clone ()
    (holed.reshape -1L).narrow(0L, 0L, count).fill_(0.0.ToScalar()) |> ignore
    holed

let private hiddenBy (value: Parametrization) (tensor: torch.Tensor) : torch.Tensor =
    match Parametrization.initializeNearest value tensor with
    | Error error -> failtest $"{value}: {error}"
    | Ok parts -> parts.Buffers[0].eq(0.0.ToScalar())

let private hidden (value: Parametrization) (tensor: torch.Tensor) : int64 = (hiddenBy value tensor).sum().item<int64>()

/// What is left to prune of so many, when so many of them are pruned.
let private countOf (amount: Amount) (all: int64) (pruned: int64) : int64 =
    match amount with
    | Amount.Count count -> count
    | Amount.Share share -> rounded (share * float (all - pruned))
    | Amount.UpTo share -> max 0L (rounded (share * float all) - pruned)

let private amounts: Amount list =
    [
        for share in [ 0.0; 0.1; 0.25; 0.3; 0.5; 0.75; 1.0 ] do
            Amount.Share share
            Amount.UpTo share
        for count in [ 0L; 1L; 2L ] do
            Amount.Count count
    ]

/// Counts are of entries, whether zeros are among them or not; halves occur at sizes that are odd, and 2 of 4.
let private entries: Test =
    testCase "entries" (fun () ->
        use _ = torch.NewDisposeScope()

        for size in [ 5L; 6L; 7L; 10L; 13L ] do
            for zeros in [ 0L; 1L; size / 2L; size - 1L; size ] do
                let tensor = withZeros zeros (normal (uint64 size) [ size ])

                for amount in amounts do
                    let expected = countOf amount size 0L
                    let what = $"{amount} of {size} with {zeros} zeros"
                    Expect.equal (hidden (pruned (Pruning.L1 amount)) tensor) expected $"the smallest: {what}"

                    for seed in 1UL .. 3UL do
                        let random = hiddenBy (pruned (Pruning.Random(amount, seed))) tensor
                        Expect.equal (random.sum().item<int64>()) expected $"random: {what}"
                        // Zeros suffice, so that nothing but zeros goes.
                        if zeros >= expected then
                            let lost = (tensor * random.``to`` tensor.dtype).abs().sum()
                            Expect.equal (lost.ToDouble()) 0.0 $"random, of zeros only: {what}")

let private channels: Test =
    testCase "channels" (fun () ->
        use _ = torch.NewDisposeScope()

        for rows in [ 5L; 6L; 7L ] do
            for zeros in [ 0L; 1L; rows / 2L; rows ] do
                let tensor = withZeros (zeros * 3L) (normal (uint64 rows) [ rows; 3L ])

                for amount in amounts do
                    let expected = 3L * countOf amount rows 0L
                    let what = $"{amount} of {rows} with {zeros} zero"

                    for power in [ 0.0; 1.0; 2.0; infinity ] do
                        let value = pruned (Pruning.Ln(amount, power, 0))
                        Expect.equal (hidden value tensor) expected $"norms of {power}: {what}"
                        let turned = transposed (pruned (Pruning.Ln(amount, power, 1)))
                        Expect.equal (hidden turned tensor) expected $"columns, norms of {power}: {what}"

                    for seed in 1UL .. 3UL do
                        let random = hiddenBy (pruned (Pruning.RandomStructured(amount, 0, seed))) tensor
                        Expect.equal (random.sum().item<int64>()) expected $"random: {what}"

                        if 3L * zeros >= expected then
                            let lost = (tensor * random.``to`` tensor.dtype).abs().sum()
                            Expect.equal (lost.ToDouble()) 0.0 $"random, of zero ones only: {what}")

/// The second counts of what the first has left; `UpTo` counts of all.
let private behind: Test =
    testCase "one behind another" (fun () ->
        use _ = torch.NewDisposeScope()

        for size in [ 5L; 7L; 10L ] do
            for zeros in [ 0L; 2L; size - 1L ] do
                let tensor = withZeros zeros (normal (uint64 size) [ size ])

                for first in amounts do
                    for second in amounts do
                        let one = countOf first size 0L

                        let two =
                            match first, second with
                            | Amount.UpTo share, Amount.UpTo other ->
                                countOf (Amount.UpTo(max share other)) size 0L - one
                            | _ -> countOf second size one

                        if one + two <= size then
                            for next in [ Pruning.L1 second; Pruning.Random(second, 4UL) ] do
                                let two =
                                    match next with
                                    | Pruning.L1 _ -> two
                                    | _ -> countOf second size one

                                let value = pruned (Pruning.L1 first) >>> pruned next
                                Expect.equal (hidden value tensor) (one + two) $"{value} of {size}, {zeros} zeros")

/// Each group keeps so many of what an earlier pruning has kept.
let private groups: Test =
    testCase "groups" (fun () ->
        use _ = torch.NewDisposeScope()

        for keep, size in [ 0, 2; 1, 2; 2, 4; 3, 4; 4, 4; 1, 3 ] do
            let tensor = normal 5UL [ 3L; 12L ]
            let groups = 36 / size
            let expected = int64 (groups * (size - keep))

            for zeros in [ 0L; 5L; 36L ] do
                let holed = withZeros zeros tensor
                Expect.equal (hidden (pruned (Pruning.Groups(keep, size))) holed) expected $"{keep} of {size}"

            // Entries pruned at random before: each group hides at least its number, and no more than both.
            for seed in 1UL .. 5UL do
                let before = hiddenBy (pruned (Pruning.Random(Amount.Count 9L, seed))) tensor
                let both = pruned (Pruning.Random(Amount.Count 9L, seed)) >>> pruned (Pruning.Groups(keep, size))
                // Zeros that were not pruned are not the first to go.
                let all = (hiddenBy both (withZeros 4L tensor)).reshape(-1L, int64 size)
                let earlier = before.reshape(-1L, int64 size).sum(1L).cpu().data<int64>().ToArray()
                let found = all.sum(1L).cpu().data<int64>().ToArray()
                let zerosFirst = hiddenBy (pruned (Pruning.Random(Amount.Count 9L, seed))) (withZeros 4L tensor)

                let earlier =
                    if zerosFirst.eq(before).all().item<bool>() then
                        earlier
                    else
                        zerosFirst.reshape(-1L, int64 size).sum(1L).cpu().data<int64>().ToArray()

                let expected = earlier |> Array.map (fun count -> max count (int64 (size - keep)))
                Expect.equal found expected $"{keep} of {size}, seed {seed}")

/// Probability is of each entry, not of those that are left.
let private bernoulli: Test =
    testCase "each entry by itself" (fun () ->
        use _ = torch.NewDisposeScope()
        let tensor = withZeros 5000L (normal 5UL [ 100L; 100L ])

        for probability in [ 0.1; 0.3; 0.8 ] do
            let hidden =
                (hiddenBy (pruned (Pruning.Bernoulli(probability, 3UL))) tensor).``to`` torch.ScalarType.Float64

            let zeros, others =
                hidden.reshape(-1L).narrow(0L, 0L, 5000L), hidden.reshape(-1L).narrow(0L, 5000L, 5000L)

            for share in [ zeros.mean().ToDouble(); others.mean().ToDouble() ] do
                Expect.isLessThan (abs (share - probability)) 0.03 $"the share of {probability}")

/// Equal channels: those hidden are told from libtorch's choice of those that stay, as in PyTorch.
let private ties: Test =
    testCase "equal channels" (fun () ->
        use _ = torch.NewDisposeScope()
        let tensor = torch.ones ([| 4L; 3L |], dtype = torch.ScalarType.Float64, device = Case.device)

        for count in 0L .. 4L do
            let hidden = hiddenBy (pruned (Pruning.Ln(Amount.Count count, 2.0, 0))) tensor
            let norms = torch.linalg.vector_norm (tensor, 2.0, [| 1L |])
            let struct (_, stay) = norms.topk (int (4L - count))
            let expected = torch.ones_like (norms, dtype = torch.ScalarType.Bool)
            expected.index_fill_ (0L, stay, false.ToScalar()) |> ignore
            Expect.isTrue (hidden.select(1L, 0L).eq(expected).all().item<bool>()) $"{count} of 4")

/// The curve at every step, by its formula.
let private schedule: Test =
    testCase "gradual shares" (fun () ->
        for first, last, every in [ 0L, 10L, 1L; 3L, 20L, 4L; 5L, 5L, 2L ] do
            let schedule = PruningSchedule.Cubic(0.2, 0.9, first, last, every)

            for step in 0L .. 25L do
                let expected =
                    if step < first then
                        0.0
                    elif step >= last then
                        0.9
                    else
                        let updated = first + (step - first) / every * every
                        0.9 - 0.7 * Math.Pow(1.0 - float (updated - first) / float (last - first), 3.0)

                Expect.isLessThan (abs (schedule.ShareAt step - expected)) 1e-12 $"{schedule} at {step}"
                Expect.equal (schedule.AmountAt step) (Amount.UpTo(schedule.ShareAt step)) "the amount"
                let isUpdate = step = last || step >= first && step < last && (step - first) % every = 0L
                Expect.equal (schedule.IsUpdate step) isUpdate $"{schedule} updates at {step}")

let tests: Test =
    testList "counts of prunings" [ entries; channels; behind; groups; bernoulli; ties; schedule ]
