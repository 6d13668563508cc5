namespace Parametrize

open System
open TorchSharp

/// Moves the bases of trivializations.
[<RequireQualifiedAccess>]
module internal Rebasing =

    /// Parts whose bases are the present tensor. `Error` if no parts yield that tensor.
    let rebase (value: Parametrization) (parts: Parts) : Result<Parts, ParametrizationError> =
        if value.Program.Nodes |> Array.forall _.HasRightInverse then
            use _ = torch.no_grad ()
            use tensor = Evaluation.forward false value.Program parts

            // A node may find an input that the nodes before it do not yield, such as a logarithm of another branch.
            let keeping (forms: Form[]) (rebased: Parts) =
                use _scope = torch.NewDisposeScope()
                let apart = Tensors.distance (Evaluation.forward false value.Program rebased) tensor
                let isNear = apart <= Tensors.largest tensor / 64.0

                if isNear || Assigning.membership value forms parts.BufferArrays tensor = Ok() then
                    Ok rebased
                else
                    (rebased :> IDisposable).Dispose()

                    Error(
                        ParametrizationError.OutOfReach(
                            string value,
                            invariant
                                $"with the base moved there, it would yield one that is {apart:g3} away. Keep the present base."
                        )
                    )

            Assigning.checkedForms value tensor
            |> Result.bind (fun forms ->
                Assigning.pulled Pull.Renewing value forms (Some parts) tensor |> Result.bind (keeping forms))
        else
            Error(ParametrizationError.NoRightInverse(string value))
