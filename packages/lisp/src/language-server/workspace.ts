/** The texts that an editor has open, the files around them, and what is known of each. */
import { codesOf } from "../datum/datum.ts";
import type { LibraryFinder } from "../library/library.ts";
import { closedSystem } from "../interpreter/system.ts";
import { Lisp } from "../session.ts";
import { utf8Encode } from "../interpreter/utf8.ts";
import { type Analysis, analyse, type Problem } from "./analysis.ts";
import { type Entries, entriesOf } from "../definitions/entries.ts";
import { Procedures } from "./procedures.ts";
import { TextDocument, TextLines } from "./text-document.ts";

/** What the server may see of the computer: it reads, and writes nothing. Names are absolute paths. */
export interface WorkspaceFiles {
  /** Null: there is no such file, or it is none to be read. */
  read(file: string): string | null;
  /** Programs and libraries under a folder, at most `most`. */
  list(folder: string, most: number): readonly string[];
  /** Where libraries are looked for: `folders` first, then where they are always. */
  finderOf(folders: readonly string[]): LibraryFinder;
  fileOf(uri: string): string | null;
  uriOf(file: string): string;
  /** Descriptions of what the system itself defines (scheme/documentation). */
  readonly documentation: readonly string[];
  /** Where the libraries lie that come along. */
  readonly ownFolder: string;
  /** Processor time that was used, in milliseconds: what takes long on a busy host is no fault of the text. */
  usedMs(): number;
}

/** An expansion that takes more of the processor is given up, in milliseconds. */
const EXPANSION_MS = 4000;
/** Files of a workspace that are looked into, and their size in characters. */
const FILES_MAX = 2000;
const LENGTH_MAX = 1 << 20;
/** After so many analyses of libraries the session is made anew, since it keeps something of each. */
const SESSION_ANALYSES = 2000;

export class Workspace {
  readonly files: WorkspaceFiles;
  readonly documents: Map<string, TextDocument>;
  folders: readonly string[];
  #session: Session | null;
  /** By file. */
  readonly #analyses: Map<string, { readonly text: string; readonly analysis: Analysis }>;
  readonly #entries: Map<string, { readonly text: string; readonly entries: Entries }>;
  #isIndexed: boolean;

  constructor(files: WorkspaceFiles) {
    this.files = files;
    this.documents = new Map();
    this.folders = [];
    this.#session = null;
    this.#analyses = new Map();
    this.#entries = new Map();
    this.#isIndexed = false;
  }

  get #own(): Session {
    if (this.#session !== null && this.#session.analyses < SESSION_ANALYSES) return this.#session;
    this.#analyses.clear();
    return (this.#session = new Session(this.files, (file) => this.textOf(file)));
  }

  get lisp(): Lisp {
    return this.#own.lisp;
  }

  get procedures(): Procedures {
    return this.#own.procedures;
  }

  documentOf(file: string): TextDocument | null {
    return (
      this.documents.get(this.files.uriOf(file)) ??
      [...this.documents.values()].find((one) => one.file === file) ??
      null
    );
  }

  /** As it is in the editor, else on the disk. */
  textOf(file: string): string | null {
    return this.documentOf(file)?.text ?? this.files.read(file);
  }

  open(document: TextDocument): void {
    this.documents.set(document.uri, document);
    this.changed(document.file);
  }

  /** A file has another text: what is known of it, and of all that use it, is forgotten. */
  changed(file: string): readonly string[] {
    const known = this.#analyses.get(file);
    this.#analyses.delete(file);
    const names = new Set<string>(known?.analysis.defines ?? []);
    for (const [name, found] of this.#own.found) if (found === file) names.add(name);
    const stale: string[] = [];
    for (const name of names) stale.push(name, ...this.lisp.forgetLibrary(name));
    const gone = new Set(stale);
    const others: string[] = [];
    for (const [other, { analysis }] of this.#analyses)
      if (
        other !== file &&
        ([...analysis.uses].some((name) => gone.has(name)) || this.#own.includers.get(file) === other)
      )
        others.push(other);
    for (const other of others) this.#analyses.delete(other);
    return others;
  }

  /** Null: there is no such file. */
  analysisOf(file: string): Analysis | null {
    const text = this.textOf(file);
    if (text === null || text.length > LENGTH_MAX * 8) return null;
    const known = this.#analyses.get(file);
    if (known !== undefined && known.text === text) return known.analysis;
    const session = this.#own;
    const analysis = session.analyse(file, text, this.#foldersOf(file));
    this.#analyses.set(file, { text, analysis });
    return analysis;
  }

  /** Looks for libraries in this folder alone, from now on. */
  find(folder: string): void {
    this.#own.find(folder);
  }

  /** What the file would mean with another text, of which nothing is kept. */
  probe(file: string, text: string): Analysis {
    const restore = this.lisp.libraries.mark();
    try {
      return this.#own.analyse(file, text, this.#foldersOf(file));
    } finally {
      restore();
    }
  }

  #foldersOf(file: string): string[] {
    const folder = folderOf(file);
    const base = libraryBase(file, this.textOf(file) ?? "");
    return [...new Set([...(base === null ? [] : [base]), folder, ...this.folders])];
  }

  /** Problems of a file: of its expansion, and calls that would fail. */
  problemsOf(file: string): Problem[] {
    const analysis = this.analysisOf(file);
    if (analysis === null) return [];
    const calls = this.procedures.wrongCalls(analysis.core).filter(({ source }) => source.file === file);
    const all = [
      ...analysis.problems,
      ...calls.map(({ source, message }): Problem => {
        const text = this.textOf(file)!.slice(source.offset, source.offset + source.length);
        const line = /[\r\n]/.exec(text);
        const end = source.offset + (line === null ? source.length : line.index);
        return { start: source.offset, end, message, severity: "warning" };
      }),
    ];
    return all.sort((a, b) => a.start - b.start);
  }

  /** Everything that is known: of open texts, and of the files of the workspace, which are looked into now. */
  all(): Map<string, Analysis> {
    const files = new Set([...this.documents.values()].map(({ file }) => file));
    for (const folder of this.folders) for (const file of this.files.list(folder, FILES_MAX)) files.add(file);
    const all = new Map<string, Analysis>();
    for (const file of files) {
      const text = this.textOf(file);
      if (text === null || text.length > LENGTH_MAX) continue;
      const analysis = this.analysisOf(file);
      if (analysis !== null) all.set(file, analysis);
    }
    this.#isIndexed = true;
    return all;
  }

  get isIndexed(): boolean {
    return this.#isIndexed;
  }

  linesOf(file: string): TextLines | null {
    const document = this.documentOf(file);
    if (document !== null) return document.lines;
    const text = this.files.read(file);
    return text === null ? null : new TextLines(text);
  }

  /** What a file defines at its top level and in its libraries, as it is written. */
  entriesOf(file: string): Entries {
    const text = this.textOf(file) ?? "";
    const known = this.#entries.get(file);
    if (known !== undefined && known.text === text) return known.entries;
    const entries = entriesOf(this.lisp, file, text);
    this.#entries.set(file, { text, entries });
    return entries;
  }
}

/** A Lisp that expands for the server, and where it found libraries. */
class Session {
  readonly lisp: Lisp;
  readonly procedures: Procedures;
  /** Files of libraries, by name. */
  readonly found: Map<string, string>;
  /** Which file includes a file. */
  readonly includers: Map<string, string>;
  analyses: number;
  readonly #files: WorkspaceFiles;
  readonly #textOf: (file: string) => string | null;
  #finder: LibraryFinder;
  #root: string;
  #until: number;

  constructor(files: WorkspaceFiles, textOf: (file: string) => string | null) {
    this.#files = files;
    this.#textOf = textOf;
    this.found = new Map();
    this.includers = new Map();
    this.analyses = 0;
    this.#finder = () => null;
    this.#root = "";
    this.#until = Infinity;
    const isInterrupted = (): boolean => files.usedMs() > this.#until;
    const readFile = (path: string): Uint8Array => {
      const text = textOf(path);
      if (text === null) throw new Error(`${path}: there is no such file`);
      this.includers.set(path, this.#root);
      return utf8Encode(codesOf(text));
    };
    this.lisp = new Lisp({
      // Macros see no files but those that they include.
      system: closedSystem({ readFile }),
      limits: { steps: Infinity, isInterrupted },
      findLibrary: (parts) => {
        const found = this.#finder(parts);
        if (found === null) return null;
        this.found.set(`(${parts.join(" ")})`, found.file);
        return { file: found.file, text: textOf(found.file) ?? found.text };
      },
    });
    this.procedures = new Procedures(this.lisp);
  }

  find(folder: string): void {
    this.#finder = this.#files.finderOf([folder]);
  }

  analyse(file: string, text: string, folders: readonly string[]): Analysis {
    this.analyses++;
    this.#finder = this.#files.finderOf(folders);
    // The same name may be another library for this file.
    for (const [name, known] of this.found) {
      if (known.startsWith(this.#files.ownFolder)) continue;
      const parts = name
        .slice(1, -1)
        .split(" ")
        .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
      if (this.#finder(parts)?.file === known && known !== file) continue;
      this.found.delete(name);
      this.lisp.forgetLibrary(name);
    }
    const root = this.#rootOf(file, text);
    this.#root = root.file;
    this.#until = this.#files.usedMs() + EXPANSION_MS;
    try {
      const isLate = (): boolean => this.#files.usedMs() > this.#until;
      const analysis = analyse({ lisp: this.lisp, ...root, focus: { file, text }, isLate });
      for (const name of analysis.defines) this.found.set(name, root.file);
      return analysis;
    } finally {
      this.#until = Infinity;
    }
  }

  /** A file that a library beside it includes is looked at as a part of that. */
  #rootOf(file: string, text: string): { readonly file: string; readonly text: string } {
    const own = { file, text };
    if (file.endsWith(".sld") || /^\s*\((?:import|define-library)\b/m.test(text)) return own;
    const name = file.slice(file.lastIndexOf("/") + 1);
    const known = this.includers.get(file);
    const beside = known !== undefined && known !== file ? [known] : this.#files.list(folderOf(file), 50);
    for (const other of beside) {
      const whole = other === file ? null : this.#textOf(other);
      if (whole === null || whole.length > LENGTH_MAX) continue;
      if (whole.includes(`"${name}"`) && /\(include(?:-ci|-library-declarations)?\s/.test(whole))
        return { file: other, text: whole };
    }
    return own;
  }
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf("/"))) || "/";
}

/** The folder from which a library's file is found by the name that it has in its text. */
function libraryBase(file: string, text: string): string | null {
  const name = /\(define-library\s+\(([^()]*)\)/.exec(text)?.[1];
  if (name === undefined) return null;
  const path = file.replace(/\.[a-z]+$/, "");
  const end = `/${name.trim().split(/\s+/).join("/")}`;
  return path.endsWith(end) ? path.slice(0, -end.length) || "/" : null;
}
