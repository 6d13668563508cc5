namespace Notebook;

/// <summary>A part of the introduction: what it shows, and the claims that it makes.</summary>
internal interface IChapter
{
    string Title { get; }

    void Check(Claims claims);
}
