/** The language of a block of code, as docfx writes it: `lang-csharp`. */
const language = (block) => block.querySelector("code")?.className.match(/lang-\w+/)?.[0];

/** Blocks behind one another, each in another language, become one row: the style sheet puts them side by side. */
const putSideBySide = (first) => {
  const row = [first];
  for (let next = first.nextElementSibling; next?.matches("pre"); next = next.nextElementSibling) {
    if (row.some((block) => language(block) === language(next))) break;
    row.push(next);
  }
  if (row.length < 2 || first.parentElement.matches(".languages")) return;

  const languages = document.createElement("div");
  languages.className = "languages";
  first.before(languages);
  languages.append(...row);
};

export default {
  start: () => document.querySelectorAll("article pre").forEach(putSideBySide),
};
