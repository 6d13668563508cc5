namespace Parametrize

open Parametrize.Values

/// Tensors of given norms.
[<RequireQualifiedAccess>]
module internal NormsHeads =

    let private spectralNormOptions =
        Argument.fields
            "SpectralNorm.defaults"
            SpectralNorm.defaults
            [
                "Bound", Argument.field Argument.number (fun options bound -> { options with Bound = bound })
                "Dimension", Argument.field Argument.integer (fun options one -> { options with Dimension = one })
                "Iterations", Argument.field Argument.integer (fun options many -> { options with Iterations = many })
                "Epsilon", Argument.field Argument.number (fun options least -> { options with Epsilon = least })
            ]

    let all () : Head list =
        [
            of1
                "weightNorm"
                "WeightNorm({0})"
                Argument.integer
                weightNorm
                [ "weightNorm 0", 0; "weightNorm 1", 1; "weightNorm -1", -1 ]
            of0 "weightNormWhole" "WeightNorm(null)" weightNormWhole "weightNorm, whole"
            plain "spectralNorm" "SpectralNorm()" spectralNorm
            of1
                "spectralNormWith"
                "SpectralNorm({0})"
                spectralNormOptions
                spectralNormWith
                [
                    "spectralNorm, bound", { SpectralNorm.defaults with Bound = 2.5 }
                    "spectralNorm, dimension", { SpectralNorm.defaults with Dimension = 1 }
                    "spectralNorm, iterations", { SpectralNorm.defaults with Iterations = 3 }
                ]
            of1 "sphere" "Sphere({0})" Argument.number sphere [ "sphere", 1.0; "sphere, radius", 2.5 ]
            plain "oblique" "Oblique" oblique
            of1 "sphereExp" "SphereExp({0})" Argument.number sphereExp [ "sphereExp", 1.0; "sphereExp, radius", 2.5 ]
        ]
