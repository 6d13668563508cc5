open TorchSharp

printfn $"{torch.ones(2L).sum().item<float32>()}"
