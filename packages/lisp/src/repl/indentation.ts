/** Where a line begins, by what is open before it: the prompt's rule and that of formatted files. */

/** Forms whose body is indented by two, whatever stands in their first line. */
const BODY_FORMS = new RegExp(
  "^(?:define.*|lambda|named-lambda|let.*|do|when|unless|begin|case|cond-expand|guard|parameterize|receive|" +
    "syntax-.*|with-.*|call-with-.*|er-macro-transformer|ir-macro-transformer|dynamic-wind)$",
);

/** Blanks that the line after `text` begins with. */
export function indentationOf(text: string): number {
  const indentation = new Indentation();
  indentation.add(text);
  return indentation.blanks;
}

/** Takes a text in pieces (lines), and tells the indentation of what would follow. */
export class Indentation {
  readonly #open: { readonly column: number; readonly word: string; readonly operand: number }[];
  #column: number;
  #state: "code" | "string" | "bar" | "comment";
  #blocks: number;

  constructor() {
    this.#open = [];
    this.#column = 0;
    this.#state = "code";
    this.#blocks = 0;
  }

  /** Within a string, a symbol in bars or a block comment, where blanks are not ours. */
  get isInsideToken(): boolean {
    return this.#blocks > 0 || this.#state === "string" || this.#state === "bar";
  }

  get blanks(): number {
    const last = this.#open.at(-1);
    if (last === undefined || this.#state === "string") return 0;
    if (BODY_FORMS.test(last.word)) return last.column + 2;
    return last.operand >= 0 ? last.operand : last.column + 1;
  }

  /** @param text  whole lines, or the last one of all */
  add(text: string): void {
    for (let at = 0; at < text.length; at++, this.#column++) {
      const letter = text[at]!;
      if (letter === "\n") {
        this.#column = -1;
        if (this.#state === "comment") this.#state = "code";
      } else if (this.#blocks > 0) {
        if (letter === "|" && text[at + 1] === "#") this.#blocks--;
        else if (letter === "#" && text[at + 1] === "|") this.#blocks++;
      } else if (this.#state === "code") {
        const more = this.#code(letter, text, at);
        at += more;
        this.#column += more;
      } else if (this.#state !== "comment") {
        if (letter === "\\" && text[at + 1] !== "\n") {
          at++;
          this.#column++;
        } else if (letter === (this.#state === "string" ? '"' : "|")) this.#state = "code";
      }
    }
  }

  /** @returns how many letters more it takes */
  #code(letter: string, text: string, at: number): number {
    if (letter === "#" && text[at + 1] === "|") this.#blocks++;
    else if (letter === "#" && text[at + 1] === "\\") return 2;
    else if (letter === "#" && text[at + 1] === ";") return 1;
    else if (letter === ";") this.#state = "comment";
    else if (letter === '"') this.#state = "string";
    else if (letter === "|") this.#state = "bar";
    else if (letter === "(" || letter === "[") {
      const end = text.indexOf("\n", at);
      const line = text.slice(at + 1, end < 0 ? undefined : end);
      const [, word, blanks] = /^([^\s()[\]"';]*)([ \t]+(?=[^\s;]))?/.exec(line)!;
      const operand = blanks === undefined || word === "" ? -1 : this.#column + 1 + word!.length + blanks.length;
      this.#open.push({ column: this.#column, word: word!, operand });
    } else if (letter === ")" || letter === "]") this.#open.pop();
    return 0;
  }
}
