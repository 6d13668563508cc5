namespace Parametrize.CSharp.Reports;

internal static class ReportStyle
{
    /// <summary>
    /// The style sheet applies to reports only, since a report may stand in a page with other content. It has no character that XML
    /// would escape, since HTML does not unescape styles.
    /// </summary>
    public const string Sheet = """
        .parametrizations { --text: #1f2328; --faint: #59636e; --line: #d1d9e0; --ground: #ffffff; --bar: #0969da; --warning: #b35900;
          color: var(--text); background: var(--ground); color-scheme: light dark; padding: 0.5rem;
          font: 0.875rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
        @media (prefers-color-scheme: dark) { .parametrizations { --text: #e6edf3; --faint: #9198a1; --line: #3d444d; --ground: #0d1117;
          --bar: #4493f8; --warning: #e3a04f; } }
        body.parametrizations { max-width: 75rem; margin: 0 auto; }
        .parametrizations table { border-collapse: collapse; color: inherit; }
        .parametrizations th, .parametrizations td { padding: 0.25rem 0.75rem 0.25rem 0; text-align: left; vertical-align: top;
          border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
        .parametrizations th { color: var(--faint); font-weight: 600; }
        .parametrizations .number { text-align: right; }
        .parametrizations .violated td { color: var(--warning); }
        .parametrizations .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1rem; }
        .parametrizations figure { margin: 1rem 0 0; max-width: 32rem; }
        .parametrizations figcaption, .parametrizations p { color: var(--faint); margin: 0.25rem 0; overflow-wrap: anywhere; }
        .parametrizations svg { display: block; width: 100%; }
        .parametrizations text { fill: var(--faint); font-size: 11px; }
        .parametrizations .axis { fill: none; stroke: var(--line); }
        .parametrizations .bars { fill: var(--bar); }
        .parametrizations .marked { fill: var(--warning); }
        @media (max-width: 40rem) {
          .parametrizations thead { display: none; }
          .parametrizations table, .parametrizations tbody, .parametrizations tr, .parametrizations td { display: block; }
          .parametrizations tr { padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
          .parametrizations td, .parametrizations td.number { border: 0; padding: 0; text-align: left; }
          .parametrizations td:empty { display: none; }
          .parametrizations td::before { content: attr(data-title) " "; color: var(--faint); display: inline-block; min-width: 6rem; }
        }
        """;
}
