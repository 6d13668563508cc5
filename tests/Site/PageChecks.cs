using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Site;

/// <summary>Every page: it loads without an error, its pictures are there, its links lead somewhere.</summary>
internal sealed class PageChecks(IBrowser browser, string address, SiteFiles site)
{
    private const string Links = "() => [...document.querySelectorAll('a[href]')].map(link => link.href)";
    private const string Anchors =
        "() => [...document.querySelectorAll('[id], a[name]')].map(node => node.id || node.name)";
    private const string BrokenPictures =
        "() => [...document.images].filter(image => !image.complete || image.naturalWidth === 0).map(image => image.src)";

    private readonly ConcurrentBag<string> _faults = [];
    private readonly ConcurrentDictionary<string, IReadOnlySet<string>> _anchors = [];
    private readonly ConcurrentBag<(string From, Uri To)> _links = [];

    public async Task<IReadOnlyList<string>> Run()
    {
        var rest = new ConcurrentQueue<string>(site.Pages);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Visit(rest)));
        foreach (
            var (from, to) in _links.Where(link => link.To.ToString().StartsWith(address, StringComparison.Ordinal))
        )
            Follow(from, to);
        return [.. _faults.Order(StringComparer.Ordinal)];
    }

    private async Task Visit(ConcurrentQueue<string> paths)
    {
        await using var context = await browser.NewContextAsync(
            new()
            {
                ViewportSize = new() { Width = 1280, Height = 800 },
            }
        );
        var page = await context.NewPageAsync();
        var path = "";
        void Add(string fault) => _faults.Add($"{path}: {fault}");
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                Add($"the console says: {message.Text}");
        };
        page.PageError += (_, error) => Add($"a script fails: {error}");
        page.RequestFailed += (_, request) => Add($"{request.Url} does not load: {request.Failure}");
        page.Request += (_, request) =>
        {
            if (
                request.Url.StartsWith("http", StringComparison.Ordinal)
                && !request.Url.StartsWith(address, StringComparison.Ordinal)
            )
                Add($"{request.Url} is asked for from another host");
        };

        while (paths.TryDequeue(out var next))
        {
            path = next;
            await page.GotoAsync($"{address}/{path}", new() { WaitUntil = WaitUntilState.NetworkIdle });
            foreach (var picture in await page.EvaluateAsync<string[]>(BrokenPictures))
                Add($"the picture {picture} is broken");
            _anchors[path] = (await page.EvaluateAsync<string[]>(Anchors)).ToHashSet();
            foreach (var link in await page.EvaluateAsync<string[]>(Links))
                if (Uri.TryCreate(link, UriKind.Absolute, out var to))
                    _links.Add((path, to));
                else
                    Add($"{link} is no address");
        }
    }

    private void Follow(string from, Uri to)
    {
        var path = Uri.UnescapeDataString(to.AbsolutePath.TrimStart('/'));
        if (path.Length == 0 || path.EndsWith('/'))
            path += "index.html";
        var anchor = Uri.UnescapeDataString(to.Fragment.TrimStart('#'));
        if (!site.Has(path))
            _faults.Add($"{from}: the link {path} leads nowhere");
        else if (anchor.Length > 0 && _anchors.TryGetValue(path, out var known) && !known.Contains(anchor))
            _faults.Add($"{from}: {path} has no #{anchor}");
    }
}
