using Microsoft.Playwright;
using Site;

// The built site in a real browser: site FOLDER PICTURES. The exit code is 0 when nothing is wrong, or when there is no browser.
var (folder, pictures) = (Path.GetFullPath(args[0]), Path.GetFullPath(args[1]));
if (Browser.Find() is not { } executable)
{
    Console.WriteLine($"skipped: there is no Chromium. Install it, or name it in the variable {Browser.Variable}.");
    return 0;
}

await using var server = await SiteServer.Start(folder);
using var playwright = await Playwright.CreateAsync();
await using var browser = await playwright.Chromium.LaunchAsync(
    new() { ExecutablePath = executable, Args = ["--no-sandbox"] }
);

var site = new SiteFiles(folder);
var faults = new List<string>();
faults.AddRange(await new PageChecks(browser, server.Address, site).Run());
faults.AddRange(await new ReaderChecks(browser, server.Address, site, pictures).Run());

foreach (var fault in faults.Distinct())
    Console.WriteLine($"FAILED  {fault}");
Console.WriteLine($"{site.Pages.Count} pages, {faults.Distinct().Count()} faults; screenshots in {pictures}");
return faults.Count == 0 ? 0 : 1;
