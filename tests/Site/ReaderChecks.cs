using Microsoft.Playwright;

namespace Site;

/// <summary>What a reader does: reads at two widths, light and dark, and searches. Leaves a screenshot of every kind of page.</summary>
internal sealed class ReaderChecks(IBrowser browser, string address, SiteFiles site, string pictures)
{
    private static readonly string[] Kinds =
    [
        "index.html",
        "docs/start.html",
        "docs/tutorial.html",
        "docs/catalogue.html",
        "docs/catalogue/orthogonal.html",
        "docs/performance.html",
        "docs/porting.html",
        "docs/errors.html",
        "laws.html",
        "api/Parametrize.CSharp.html",
        "api/Parametrize.CSharp.parametrize.html",
        "api/Parametrize.ParametrizationModule.html",
    ];

    private static readonly int[] Widths = [1280, 390];

    private readonly List<string> _faults = [];

    public async Task<IReadOnlyList<string>> Run()
    {
        Directory.CreateDirectory(pictures);
        foreach (var width in Widths)
        {
            await Read(width, ColorScheme.Light, Kinds);
            await Read(width, ColorScheme.Dark, Kinds[..3]);
        }
        await Compare();
        await Search("orthogonal");
        await Search("right inverse");
        return _faults;
    }

    private async Task Read(int width, ColorScheme scheme, string[] paths)
    {
        await using var context = await browser.NewContextAsync(
            new()
            {
                ViewportSize = new() { Width = width, Height = 900 },
                ColorScheme = scheme,
            }
        );
        var page = await context.NewPageAsync();
        foreach (var path in paths)
        {
            if (!site.Has(path))
            {
                _faults.Add($"there is no page {path}");
                continue;
            }
            await page.GotoAsync($"{address}/{path}", new() { WaitUntil = WaitUntilState.NetworkIdle });
            var name =
                $"{path.Replace('/', '-').Replace(".html", "")}-{width}-{scheme.ToString().ToLowerInvariant()}.png";
            await page.ScreenshotAsync(new() { Path = Path.Combine(pictures, name) });
            var needed = await page.EvaluateAsync<int>("() => document.documentElement.scrollWidth");
            if (needed > width)
                _faults.Add($"{path} is {needed} pixels wide on a screen of {width}");
            var shown = await page.EvaluateAsync<string>("() => document.documentElement.dataset.bsTheme");
            if (!shown.Equals(scheme.ToString(), StringComparison.OrdinalIgnoreCase))
                _faults.Add($"{path} is {shown} where the reader wants {scheme}");
        }
    }

    /// <summary>The tutorial's steps in three languages stand side by side on a wide screen, one above the other on a phone.</summary>
    private async Task Compare()
    {
        foreach (var (width, columns) in new[] { (1280, 3), (390, 1) })
        {
            await using var context = await browser.NewContextAsync(
                new()
                {
                    ViewportSize = new() { Width = width, Height = 900 },
                }
            );
            var page = await context.NewPageAsync();
            await page.GotoAsync($"{address}/docs/tutorial.html", new() { WaitUntil = WaitUntilState.NetworkIdle });
            var found = await page.EvaluateAsync<int>(
                """
                () => Math.max(0, ...[...document.querySelectorAll(".languages")].map(
                  (row) => new Set([...row.children].map((block) => block.offsetLeft)).size))
                """
            );
            if (found != columns)
                _faults.Add($"the tutorial has {found} languages side by side at {width} pixels instead of {columns}");
        }
    }

    private async Task Search(string words)
    {
        await using var context = await browser.NewContextAsync(
            new()
            {
                ViewportSize = new() { Width = 1280, Height = 900 },
            }
        );
        var page = await context.NewPageAsync();
        await page.GotoAsync($"{address}/index.html", new() { WaitUntil = WaitUntilState.NetworkIdle });
        try
        {
            await page.Locator("#search-query:enabled").PressSequentiallyAsync(words, new() { Delay = 20 });
            await page.Locator("#search-results .sr-item").First.WaitForAsync();
        }
        catch (TimeoutException)
        {
            _faults.Add($"searching for '{words}' finds nothing");
        }
        await page.ScreenshotAsync(new() { Path = Path.Combine(pictures, $"search-{words.Replace(' ', '-')}.png") });
    }
}
