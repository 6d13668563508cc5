/// At which steps a schedule of prunings changes its share, wherever it begins.
module Properties.Core.Values.ScheduleTests

open System
open Expecto
open Parametrize

/// The first, every so many from there on, and the last.
let private updates (first: int64) (last: int64) (every: int64) : Set<int64> =
    Set.ofSeq (seq { first..every..last }) |> Set.add last

let private schedules: (int64 * int64 * int64) list =
    [
        for first in [ 0L; 1L; 3L; 10L; 11L ] do
            for length in [ 0L; 1L; 7L; 12L; 13L ] do
                for every in [ 1L; 2L; 3L; 5L; 100L ] do
                    first, first + length, every
    ]

let tests: Test =
    testCase "schedules change at their updates only, and at all of them" (fun () ->
        for first, last, every in schedules do
            let schedule = PruningSchedule.Cubic(0.1, 0.9, first, last, every)
            let expected = updates first last every

            for step in 0L .. last + 7L do
                let what = $"{schedule} at {step}"
                Expect.equal (schedule.IsUpdate step) (expected.Contains step) what

                if step > 0L then
                    let changes = schedule.ShareAt step <> schedule.ShareAt(step - 1L)
                    Expect.equal changes (expected.Contains step) $"{what}: the share"

                if step < first then
                    Expect.equal (schedule.ShareAt step) 0.0 what
                elif step >= last then
                    Expect.equal (schedule.ShareAt step) 0.9 what

            if last > first then
                Expect.equal (schedule.ShareAt first) 0.1 $"{schedule}: the first share")
