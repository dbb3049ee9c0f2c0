/** Requests about texts, by their method. LSP 3.17, "Language Features". */
import type {
  CompletionItem,
  Diagnostic,
  DocumentHighlight,
  Hover,
  Location,
  Position,
  Range,
  SymbolInformation,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver-types";
import type { Analysis, Occurrence } from "./analysis.ts";
import { type Completions, completionsAt, resolvedItem } from "./completion.ts";
import { Describer } from "./describe.ts";
import { foldsOf, formatted, semanticTokens } from "./layout.ts";
import { isDefinition, occurrenceAt, referencesTo, RenameError, renames } from "./names.ts";
import { RequestError } from "./request-error.ts";
import { signatureAt } from "./signature.ts";
import { sourceOf } from "./site.ts";
import { symbolsOf } from "./symbols.ts";
import type { TextDocument } from "./text-document.ts";
import type { Workspace } from "./workspace.ts";

/** Symbols of a workspace that are given at a time. */
const SYMBOLS_MAX = 500;

interface Place {
  readonly document: TextDocument;
  readonly analysis: Analysis;
  readonly offset: number;
  readonly occurrence: Occurrence | null;
}

export class Answers {
  readonly #workspace: Workspace;
  readonly #describer: Describer;
  readonly #methods: ReadonlyMap<string, (params: Params) => unknown>;
  /** What the last completion offered. */
  #names: Completions["names"];

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#describer = new Describer(workspace);
    this.#names = new Map();
    this.#methods = new Map<string, (params: Params) => unknown>([
      ["textDocument/completion", (params) => this.#completion(params)],
      ["completionItem/resolve", (params) => this.#resolve(params as unknown as CompletionItem)],
      ["textDocument/hover", (params) => this.#hover(params)],
      ["textDocument/signatureHelp", (params) => this.#signature(params)],
      ["textDocument/definition", (params) => this.#definition(params)],
      ["textDocument/references", (params) => this.#references(params)],
      ["textDocument/documentHighlight", (params) => this.#highlights(params)],
      ["textDocument/prepareRename", (params) => this.#prepareRename(params)],
      ["textDocument/rename", (params) => this.#rename(params)],
      ["textDocument/documentSymbol", (params) => this.#symbols(params)],
      ["workspace/symbol", (params) => this.#workspaceSymbols(params)],
      ["textDocument/formatting", (params) => formatted(this.#document(params).lines)],
      ["textDocument/rangeFormatting", (params) => this.#rangeFormatting(params)],
      ["textDocument/onTypeFormatting", (params) => this.#lineFormatting(params)],
      ["textDocument/foldingRange", (params) => foldsOf(this.#document(params).lines)],
      ["textDocument/semanticTokens/full", (params) => this.#tokens(params, null)],
      ["textDocument/semanticTokens/range", (params) => this.#tokens(params, rangeOf(params.range))],
    ]);
  }

  /** @throws RequestError */
  answer(method: string, params: unknown): unknown {
    const answer = this.#methods.get(method);
    if (answer === undefined) throw new RequestError(-32601, `there is no ${method}`);
    if (typeof params !== "object" || params === null) throw new RequestError(-32602, "parameters are missing");
    return answer(params as Params);
  }

  diagnostics({ file, lines }: TextDocument): Diagnostic[] {
    return this.#workspace.problemsOf(file).map(({ start, end, message, severity }) => ({
      range: lines.range(start, end),
      message,
      severity: severity === "error" ? 1 : 2,
      source: "AstraLisp",
    }));
  }

  #document({ textDocument }: Params): TextDocument {
    const uri = textDocument?.uri;
    const document = typeof uri === "string" ? this.#workspace.documents.get(uri) : undefined;
    if (document === undefined) throw new RequestError(-32602, `${String(uri)} is not open`);
    return document;
  }

  #place(params: Params): Place {
    const document = this.#document(params);
    const analysis = this.#workspace.analysisOf(document.file);
    if (analysis === null) throw new RequestError(-32803, "the text is too long to be looked at");
    const offset = document.lines.offsetAt(positionOf(params.position));
    return { document, analysis, offset, occurrence: occurrenceAt(analysis, offset) };
  }

  #completion(params: Params): object {
    const document = this.#document(params);
    const offset = document.lines.offsetAt(positionOf(params.position));
    const { items, isIncomplete, names } = completionsAt(this.#workspace, document, offset);
    this.#names = names;
    return { isIncomplete, items };
  }

  #resolve(item: CompletionItem): CompletionItem {
    return resolvedItem(this.#describer, item, this.#names.get(item.label) ?? null);
  }

  #hover(params: Params): Hover | null {
    const { document, analysis, occurrence } = this.#place(params);
    if (occurrence === null) return null;
    const { binding, name, start, end } = occurrence;
    const { kind, forms, documentation, origin } = this.#describer.describe(name, binding, analysis);
    const parts = [
      `\`\`\`scheme\n${forms.join("\n")}\n\`\`\``,
      ...(documentation === "" ? [] : [documentation]),
      `*${kind}${origin === "" ? "" : ` — ${origin}`}*`,
    ];
    return { contents: { kind: "markdown", value: parts.join("\n\n") }, range: document.lines.range(start, end) };
  }

  #signature(params: Params): object | null {
    const { document, analysis, offset } = this.#place(params);
    return signatureAt(analysis, this.#describer, document.text, offset);
  }

  #definition(params: Params): Location | null {
    const { occurrence } = this.#place(params);
    if (occurrence === null) return null;
    const { binding } = occurrence;
    const source = sourceOf(binding);
    if (source !== null) return this.#location(source.file, source.offset, source.offset + source.length);
    const name =
      binding.kind === "core" || binding.kind === "auxiliary"
        ? binding.name
        : binding.kind === "global"
          ? binding.global.primitive
          : null;
    const entry = name === null ? null : this.#describer.systemEntry(name);
    return entry === null ? null : this.#location(entry.file, entry.offset, entry.offset + entry.name.length);
  }

  #location(file: string, start: number, end: number): Location | null {
    const lines = this.#workspace.linesOf(file);
    if (lines === null) return null;
    const document = this.#workspace.documentOf(file);
    return { uri: document?.uri ?? this.#workspace.files.uriOf(file), range: lines.range(start, end) };
  }

  #references(params: Params): Location[] {
    const { document, occurrence } = this.#place(params);
    if (occurrence === null) return [];
    const withDefinition = params.context?.includeDeclaration !== false;
    return referencesTo(this.#workspace, occurrence, document.file).flatMap(({ file, occurrence: one }) => {
      if (!withDefinition && isDefinition(one, file)) return [];
      const location = this.#location(file, one.start, one.end);
      return location === null ? [] : [location];
    });
  }

  #highlights(params: Params): DocumentHighlight[] {
    const { document, analysis, occurrence } = this.#place(params);
    if (occurrence === null) return [];
    return analysis.occurrences
      .filter(({ site }) => site === occurrence.site)
      .map((one) => ({
        range: document.lines.range(one.start, one.end),
        kind: isDefinition(one, document.file) ? 3 : 2,
      }));
  }

  #prepareRename(params: Params): object | null {
    const { document, occurrence } = this.#place(params);
    if (occurrence === null || sourceOf(occurrence.binding) === null) return null;
    return { range: document.lines.range(occurrence.start, occurrence.end), placeholder: occurrence.name };
  }

  #rename(params: Params): WorkspaceEdit | null {
    const { document, occurrence } = this.#place(params);
    const { newName } = params;
    if (occurrence === null) throw new RequestError(-32803, "there is no name here");
    if (typeof newName !== "string") throw new RequestError(-32602, "the new name is missing");
    try {
      const changes: Record<string, TextEdit[]> = {};
      for (const [file, occurrences] of renames(this.#workspace, occurrence, document.file, newName)) {
        const edits = occurrences.flatMap(({ start, end }) => {
          const location = this.#location(file, start, end);
          return location === null ? [] : [{ range: location.range, newText: newName }];
        });
        changes[this.#workspace.documentOf(file)?.uri ?? this.#workspace.files.uriOf(file)] = edits;
      }
      return { changes };
    } catch (error) {
      if (error instanceof RenameError) throw new RequestError(-32803, error.message);
      throw error;
    }
  }

  #symbols(params: Params): object[] {
    const { document, analysis } = this.#place({ ...params, position: { line: 0, character: 0 } });
    return symbolsOf(analysis, document.lines, document.file);
  }

  #workspaceSymbols({ query }: Params): SymbolInformation[] {
    const wanted = typeof query === "string" ? query.toLowerCase() : "";
    const found: SymbolInformation[] = [];
    for (const [file, analysis] of this.#workspace.all()) {
      const lines = this.#workspace.linesOf(file);
      if (lines === null) continue;
      const uri = this.#workspace.documentOf(file)?.uri ?? this.#workspace.files.uriOf(file);
      const walk = (symbols: ReturnType<typeof symbolsOf>, container: string | null): void => {
        for (const { name, kind, selectionRange, children } of symbols) {
          if (name.toLowerCase().includes(wanted) && found.length < SYMBOLS_MAX)
            found.push({
              name,
              kind,
              location: { uri, range: selectionRange },
              ...(container === null ? {} : { containerName: container }),
            });
          walk(children ?? [], name);
        }
      };
      walk(symbolsOf(analysis, lines, file), null);
    }
    return found;
  }

  #rangeFormatting(params: Params): TextEdit[] {
    const { lines } = this.#document(params);
    const { start, end } = rangeOf(params.range);
    const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
    return formatted(lines, start.line, last);
  }

  /** After a line's end was typed: the line that is new. */
  #lineFormatting(params: Params): TextEdit[] {
    const { lines } = this.#document(params);
    const { line } = positionOf(params.position);
    return formatted(lines, line, line);
  }

  #tokens(params: Params, range: Range | null): object {
    const { document, analysis } = this.#place({ ...params, position: { line: 0, character: 0 } });
    const { lines, file } = document;
    const start = range === null ? 0 : lines.offsetAt(range.start);
    const end = range === null ? Infinity : lines.offsetAt(range.end);
    const { procedures } = this.#workspace;
    return { data: semanticTokens(lines, analysis.occurrences, { file, procedures, start, end }) };
  }
}

interface Params {
  readonly textDocument?: { readonly uri?: unknown };
  readonly position?: unknown;
  readonly range?: unknown;
  readonly newName?: unknown;
  readonly query?: unknown;
  readonly context?: { readonly includeDeclaration?: unknown };
}

function positionOf(given: unknown): Position {
  const { line, character } = (given ?? {}) as { line?: unknown; character?: unknown };
  if (typeof line !== "number" || typeof character !== "number")
    throw new RequestError(-32602, "a position is missing");
  return { line, character };
}

function rangeOf(given: unknown): Range {
  const { start, end } = (given ?? {}) as { start?: unknown; end?: unknown };
  return { start: positionOf(start), end: positionOf(end) };
}
