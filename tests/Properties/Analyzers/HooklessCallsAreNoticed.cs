using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>PARAM004 is reported where an overload of `call` without hooks would take NaN, or earlier values.</summary>
public class HooklessCallsAreNoticed
{
    private const string Start = """
        var layer = nn.TransformerEncoderLayer(8, 2, 16);
        var lstm = nn.LSTM(4, 4);
        var gru = nn.GRU(4, 4);
        var both = nn.Transformer(8, 2);
        var encoder = nn.TransformerEncoder(layer, 2);
        var attention = nn.MultiheadAttention(8, 2);
        var (x, mask) = (ones(5, 3, 8), zeros(5, 5));
        var packed = nn.utils.rnn.pack_padded_sequence(ones(5, 3, 4), tensor(new[] { 5L, 4L, 3L }));
        layer.register_parametrization("self_attn.out_proj.weight", Parametrizations.Orthogonal());
        lstm.register_parametrization("weight_hh_l0", Parametrizations.WeightNorm());
        gru.orthogonal("weight_hh_l0");
        both.register_parametrization("encoder.layers.0.linear1.bias", Parametrizations.Identity);

        """;

    [Theory]
    [InlineData("layer.[|call|](x, mask);")]
    [InlineData("layer.[|call|](x, mask, null!);")]
    [InlineData("layer.[|call|](x, null!);")]
    [InlineData("var same = layer; same.[|call|](x, mask);")]
    [InlineData("lstm.[|call|](packed);")]
    [InlineData("gru.[|call|](packed, ones(1, 3, 4));")]
    [InlineData("both.[|call|](x, x, mask);")]
    [InlineData("using (parametrize.cached(layer)) { } layer.[|call|](x, mask);")]
    [InlineData("using (parametrize.cached()) layer.[|call|](x, mask);")]
    [InlineData("layer.call(x); layer.[|call|](x, mask);")]
    public Task Nothing_is_computed_for_it(string code) =>
        Check.Reports(new HooklessCallAnalyzer(), Program.Method(Start + code));

    [Theory]
    [InlineData("layer.call(x);")]
    [InlineData("lstm.call(ones(5, 3, 4));")]
    [InlineData("both.call(x, x);")]
    [InlineData("encoder.call(x, mask); encoder.call(x, mask, null!);")]
    [InlineData("attention.call(x, x, x, null, false, mask);")]
    [InlineData("using (parametrize.cached(layer)) layer.call(x, mask);")]
    [InlineData("using var scope = parametrize.cached(lstm); lstm.call(packed);")]
    [InlineData("layer.remove_parametrizations(\"self_attn.out_proj.weight\"); layer.call(x, mask);")]
    [InlineData("layer = nn.TransformerEncoderLayer(8, 2, 16); layer.call(x, mask);")]
    [InlineData("var other = nn.TransformerEncoderLayer(8, 2, 16); other.call(x, mask);")]
    [InlineData("var other = nn.LSTM(4, 4); other.call(packed);")]
    public Task Hooks_run_or_nothing_is_parametrized(string code) =>
        Check.Reports(new HooklessCallAnalyzer(), Program.Method(Start + code));
}
