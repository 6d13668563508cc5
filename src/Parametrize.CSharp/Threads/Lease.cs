namespace Parametrize.CSharp.Threads;

/// <summary>A moment of use.</summary>
internal readonly struct Lease(TensorAccess access, Visit visit) : IDisposable
{
    public void Dispose() => access.End(visit);
}

/// <summary>The same of several tensors.</summary>
internal sealed class Leases(Lease[] leases) : IDisposable
{
    public void Dispose() => Array.ForEach(leases, lease => lease.Dispose());
}
