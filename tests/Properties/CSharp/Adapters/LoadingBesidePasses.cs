using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>Other threads call a model while adapters are loaded into it and taken off: each pass has all numbers of one folder, or of none.</summary>
public class LoadingBesidePasses
{
    private const int Layers = 6;
    private const int Rounds = 30;

    /// <param name="isNew">Whether the adapters are taken off before each load, so that loading puts them on.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Passes_see_one_adapter_whole(bool isNew)
    {
        using var first = new Folder();
        using var second = new Folder();
        var model = Model();
        using var input = randn(2, 4);
        using var plain = model.call(input).detach();
        Tensor[] outputs = [plain, Saved(model, first, input), Saved(model, second, input)];
        peft.load_adapter(model, first.Path);

        var (isOver, wrong, failure) = (false, 0, (Exception?)null);
        Thread[] readers = [.. Enumerable.Range(0, 3).Select(_ => new Thread(Read))];
        foreach (var reader in readers)
            reader.Start();
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                if (isNew)
                    peft.unload(model);
                peft.load_adapter(model, (round % 2 == 0 ? second : first).Path);
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            foreach (var reader in readers)
                reader.Join();
        }
        Assert.Null(failure);
        Assert.Equal(0, wrong);

        void Read()
        {
            try
            {
                using var _ = no_grad();
                while (!Volatile.Read(ref isOver))
                    Look();
            }
            catch (Exception error)
            {
                Volatile.Write(ref failure, error);
            }
        }

        void Look()
        {
            using var output = model.call(input);
            if (!outputs.Any(known => known.allclose(output, 1e-3, 1e-3)))
                Interlocked.Increment(ref wrong);
        }
    }

    /// <summary>One layer without an adapter is parametrized: passes are then known, also while there are no adapters.</summary>
    private static TorchSharp.Modules.Sequential Model()
    {
        var model = nn.Sequential([
            .. Enumerable.Range(0, Layers).Select(layer => ($"l{layer}", (nn.Module<Tensor, Tensor>)nn.Linear(4, 4))),
        ]);
        model.register_parametrization("l0.weight", Parametrizations.Identity);
        return model;
    }

    /// <summary>Saves an adapter of random numbers for the model, and returns what the model computes with it.</summary>
    private static Tensor Saved(nn.Module<Tensor, Tensor> model, Folder folder, Tensor input)
    {
        model.get_peft_model(
            new LoraConfig
            {
                Rank = 2,
                TargetModules = [.. Enumerable.Range(1, Layers - 1).Select(layer => $"l{layer}")],
            }
        );
        using (no_grad())
            foreach (var parameter in model.parametrized_parameters().Where(own => own.requires_grad))
                parameter.normal_();
        peft.save_pretrained(model, folder.Path);
        var output = model.call(input).detach();
        peft.unload(model);
        return output;
    }
}
