namespace Parametrize

/// One example of each value that the library makes.
type CatalogueEntry =
    {
        /// A short name, unique in the catalogue.
        Name: string
        /// The example.
        Value: Parametrization
    }

/// The examples of the registry.
[<RequireQualifiedAccess>]
module Catalogue =

    /// Built anew, so that equality can be told from identity.
    let internal build () : CatalogueEntry list =
        let ofHeads = Registry.build () |> List.collect _.Examples

        ofHeads @ Registry.compositions () |> List.map (fun (name, value) -> { Name = name; Value = value })

    /// Every entry, in the order of the families.
    let entries: CatalogueEntry list = build ()

    /// The entry of that name.
    let tryFind (name: string) : CatalogueEntry option = entries |> List.tryFind (fun entry -> entry.Name = name)
