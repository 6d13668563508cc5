using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>PARAM005 is reported where the text of a node of one's own is the same for all options.</summary>
public class OptionsAreSaid
{
    private static string Node(string head, string rest = "") =>
        $$"""
            using System.Collections.Generic;
            using Parametrize.CSharp;
            using static TorchSharp.torch;

            {{head}}
            {
                {{rest}}
                protected override Tensor Forward(Tensor input) => input;
                protected override Tensor RightInverse(Tensor value) => value;
            }
            """;

    [Theory]
    [InlineData("sealed class Scaled(double c) : CustomNode([|\"scaled\"|], \"scaled tensors\")")]
    [InlineData("sealed class Scaled(double c, int n) : CustomNode(space: \"scaled tensors\", [|code: \"scaled\"|])")]
    [InlineData(
        "abstract class Scaled(double c) : CustomNode([|Name|], \"scaled tensors\")",
        "private const string Name = \"x\";"
    )]
    [InlineData(
        "sealed class Scaled : CustomNode",
        "public Scaled(double c) : base([|\"scaled\"|], \"scaled tensors\") { } public Scaled() : base(\"scaled\", \"x\") { }"
    )]
    public Task The_text_is_the_same_for_all(string head, string rest = "") =>
        Check.Reports(new UnsaidOptionAnalyzer(), Node(head, rest));

    [Theory]
    [InlineData("sealed class Scaled(double c) : CustomNode($\"scaled {c}\", \"scaled tensors\")")]
    [InlineData("sealed class Even() : CustomNode(\"even\", \"palindromes\")")]
    [InlineData("abstract class Named(string code) : CustomNode(code, \"palindromes\")")]
    public Task The_text_says_them(string head) => Check.Reports(new UnsaidOptionAnalyzer(), Node(head));

    [Fact]
    public async Task The_message_says_what_is_missing()
    {
        var messages = await Check.Reports(
            new UnsaidOptionAnalyzer(),
            Node("sealed class Scaled(double c, int n) : CustomNode([|\"scaled\"|], \"scaled tensors\")")
        );
        Assert.StartsWith("\"scaled\" does not say c, n", messages[0], StringComparison.Ordinal);
    }
}
