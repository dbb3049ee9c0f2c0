/**
 * `pacman.conf`: sections of `Key = values`, of which `[options]` is about pacman and each other one is a repository,
 * the earlier the preferred. `Include` takes in other files where it stands. Source: pacman.conf(5).
 */
import {
  applySignatureLevel,
  DEFAULT_SIGNATURE_LEVEL,
  type SignatureLevel,
  type SignatureRule,
} from "./signature-level.ts";

/** What is wrong with a configuration, and where: `FILE:LINE: why`. */
export class ConfigurationError extends Error {
  override name = "ConfigurationError";
}

type RepositoryUse = "sync" | "search" | "install" | "upgrade";

export interface RepositoryConfiguration {
  name: string;
  /** with `$repo` and `$arch` filled in */
  servers: string[];
  signatures: SignatureLevel;
  use: ReadonlySet<RepositoryUse>;
}

export interface AlpmConfiguration {
  rootFolder: string;
  /** absolute, within the root */
  databasePath: string;
  cachePaths: string[];
  hookPaths: string[];
  keyringPath: string;
  logFile: string;
  architectures: string[];
  holdPackages: string[];
  ignorePackages: string[];
  ignoreGroups: string[];
  noUpgrade: string[];
  noExtract: string[];
  parallelDownloads: number;
  checkSpace: boolean;
  color: boolean;
  useSyslog: boolean;
  verbosePackageLists: boolean;
  cleanMethods: string[];
  transferCommand: string | undefined;
  signatures: SignatureLevel;
  localFileSignatures: SignatureRule;
  remoteFileSignatures: SignatureRule;
  repositories: RepositoryConfiguration[];
  /** what was not understood and passed over, each with file and line */
  warnings: string[];
}

export interface ConfigurationSources {
  /** text of a file, or undefined when it cannot be read */
  read(path: string): string | undefined;
  /** files that match a pattern of an `Include`, in order */
  glob(pattern: string): string[];
  /** what `Architecture = auto` means here */
  machine: string;
}

/** Files that include each other end here; pacman has the same bound. */
const INCLUDE_DEPTH_MAX = 10;
const USES: readonly RepositoryUse[] = ["sync", "search", "install", "upgrade"];

/** @throws ConfigurationError */
export function readConfiguration(path: string, sources: ConfigurationSources): AlpmConfiguration {
  const reader = new ConfigurationReader(sources);
  reader.file(path, 0);
  return reader.result();
}

interface RawRepository {
  name: string;
  servers: string[];
  signatureWords: string[];
  uses: Set<RepositoryUse>;
  place: string;
}

class ConfigurationReader {
  readonly #sources: ConfigurationSources;
  readonly #lists = new Map<string, string[]>();
  readonly #flags = new Set<string>();
  readonly #signatureWords = new Map<string, { words: string[]; place: string }>();
  readonly #repositories = new Map<string, RawRepository>();
  readonly #warnings: string[] = [];
  /** "" before the first section */
  #section = "";

  constructor(sources: ConfigurationSources) {
    this.#sources = sources;
  }

  file(path: string, depth: number): void {
    if (depth >= INCLUDE_DEPTH_MAX)
      throw new ConfigurationError(`${path}: included more than ${INCLUDE_DEPTH_MAX} deep`);
    const text = this.#sources.read(path);
    if (text === undefined) throw new ConfigurationError(`${path}: cannot be read`);
    const lines = text.split("\n");
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index]!.trim();
      const place = `${path}:${index + 1}`;
      if (line === "" || line.startsWith("#")) continue;
      if (line.startsWith("[")) {
        if (!line.endsWith("]") || line.length < 3) throw new ConfigurationError(`${place}: bad section name`);
        this.#enter(line.slice(1, -1), place);
        continue;
      }
      const equals = line.indexOf("=");
      const key = (equals < 0 ? line : line.slice(0, equals)).trim();
      const value = equals < 0 ? undefined : line.slice(equals + 1).trim();
      if (key === "") throw new ConfigurationError(`${place}: a value without a name`);
      if (key === "Include") this.#include(value, place, depth);
      else if (this.#section === "") throw new ConfigurationError(`${place}: ${key} stands in no section`);
      else if (this.#section === "options") this.#option(key, value, place);
      else this.#repository(key, value, place);
    }
  }

  result(): AlpmConfiguration {
    const one = (key: string, standard: string): string => this.#lists.get(key)?.at(-1) ?? standard;
    const all = (key: string, standard: string[] = []): string[] => this.#lists.get(key) ?? standard;
    const architectures = all("Architecture").map((name) => (name === "auto" ? this.#sources.machine : name));
    // They become parts of URLs and of scripts.
    const strange = architectures.find((name) => !/^[A-Za-z0-9_]{1,40}$/.test(name));
    if (strange !== undefined) throw new ConfigurationError(`Architecture: not a name: ${strange.slice(0, 40)}`);
    const signatures = this.#level(DEFAULT_SIGNATURE_LEVEL, this.#signatureWords.get("SigLevel"));
    const parallel = one("ParallelDownloads", "1");
    if (!/^[1-9][0-9]{0,3}$/.test(parallel))
      throw new ConfigurationError(`ParallelDownloads: a number above 0 was expected, not ${parallel}`);
    return {
      rootFolder: one("RootDir", "/"),
      databasePath: one("DBPath", "/var/lib/pacman/"),
      cachePaths: all("CacheDir", ["/var/cache/pacman/pkg/"]),
      hookPaths: ["/usr/share/libalpm/hooks/", ...all("HookDir", ["/etc/pacman.d/hooks/"])],
      keyringPath: one("GPGDir", "/etc/pacman.d/gnupg/"),
      logFile: one("LogFile", "/var/log/pacman.log"),
      architectures,
      holdPackages: all("HoldPkg"),
      ignorePackages: all("IgnorePkg"),
      ignoreGroups: all("IgnoreGroup"),
      noUpgrade: all("NoUpgrade"),
      noExtract: all("NoExtract"),
      parallelDownloads: Number(parallel),
      checkSpace: this.#flags.has("CheckSpace"),
      color: this.#flags.has("Color"),
      useSyslog: this.#flags.has("UseSyslog"),
      verbosePackageLists: this.#flags.has("VerbosePkgLists"),
      cleanMethods: all("CleanMethod", ["KeepInstalled"]),
      transferCommand: this.#lists.get("XferCommand")?.at(-1),
      signatures,
      localFileSignatures: this.#level(signatures, this.#signatureWords.get("LocalFileSigLevel")).package,
      remoteFileSignatures: this.#level(signatures, this.#signatureWords.get("RemoteFileSigLevel")).package,
      repositories: [...this.#repositories.values()].map((raw) => ({
        name: raw.name,
        use: raw.uses.size === 0 ? new Set(USES) : raw.uses,
        signatures: this.#level(signatures, { words: raw.signatureWords, place: raw.place }),
        servers: raw.servers.map((server) => this.#server(server, raw, architectures[0])),
      })),
      warnings: this.#warnings,
    };
  }

  #enter(section: string, place: string): void {
    this.#section = section;
    if (section === "options") return;
    if (section === "local" || !/^[A-Za-z0-9@_+][A-Za-z0-9@._+-]{0,99}$/.test(section))
      throw new ConfigurationError(`${place}: ${section.slice(0, 60)} cannot be a repository's name`);
    if (!this.#repositories.has(section))
      this.#repositories.set(section, { name: section, servers: [], signatureWords: [], uses: new Set(), place });
  }

  #include(value: string | undefined, place: string, depth: number): void {
    if (value === undefined || value === "") throw new ConfigurationError(`${place}: Include needs a file`);
    const files = this.#sources.glob(value);
    if (files.length === 0 && !/[*?[]/.test(value)) this.#warnings.push(`${place}: ${value} is not there`);
    for (const file of files) this.file(file, depth + 1);
  }

  #option(key: string, value: string | undefined, place: string): void {
    switch (key) {
      case "RootDir":
      case "DBPath":
      case "GPGDir":
      case "LogFile":
      case "XferCommand":
      case "ParallelDownloads":
      case "DownloadUser":
        this.#lists.set(key, [this.#needed(key, value, place)]);
        return;
      case "CacheDir":
      case "HookDir":
      case "HoldPkg":
      case "IgnorePkg":
      case "IgnoreGroup":
      case "NoUpgrade":
      case "NoExtract":
      case "Architecture":
      case "CleanMethod":
        this.#lists.set(key, [...(this.#lists.get(key) ?? []), ...wordsOf(this.#needed(key, value, place))]);
        return;
      case "SigLevel":
      case "LocalFileSigLevel":
      case "RemoteFileSigLevel":
        this.#signatureWords.set(key, {
          words: [...(this.#signatureWords.get(key)?.words ?? []), ...wordsOf(this.#needed(key, value, place))],
          place,
        });
        this.#level(DEFAULT_SIGNATURE_LEVEL, this.#signatureWords.get(key));
        return;
      case "UseSyslog":
      case "Color":
      case "NoProgressBar":
      case "CheckSpace":
      case "VerbosePkgLists":
      case "DisableDownloadTimeout":
      case "ILoveCandy":
      case "DisableSandbox":
        this.#flags.add(key);
        return;
      default:
        this.#warnings.push(`${place}: ${key.slice(0, 60)} is not known in [options]`);
    }
  }

  #repository(key: string, value: string | undefined, place: string): void {
    const repository = this.#repositories.get(this.#section)!;
    switch (key) {
      case "Server":
      case "CacheServer":
        repository.servers.push(this.#needed(key, value, place).replace(/\/+$/, ""));
        return;
      case "SigLevel": {
        const words = wordsOf(this.#needed(key, value, place));
        repository.signatureWords.push(...words);
        this.#level(DEFAULT_SIGNATURE_LEVEL, { words, place });
        return;
      }
      case "Usage":
        for (const word of wordsOf(this.#needed(key, value, place))) {
          const use = USES.find((one) => one === word.toLowerCase());
          if (use === undefined && word !== "All")
            throw new ConfigurationError(
              `${place}: Usage knows Sync, Search, Install, Upgrade and All, not ${word.slice(0, 40)}`,
            );
          for (const one of use === undefined ? USES : [use]) repository.uses.add(one);
        }
        return;
      default:
        this.#warnings.push(`${place}: ${key.slice(0, 60)} is not known in [${this.#section}]`);
    }
  }

  #needed(key: string, value: string | undefined, place: string): string {
    if (value === undefined || value === "") throw new ConfigurationError(`${place}: ${key} needs a value`);
    return value;
  }

  #level(start: SignatureLevel, given: { words: string[]; place: string } | undefined): SignatureLevel {
    if (given === undefined) return start;
    const level = applySignatureLevel(start, given.words);
    if ("unknown" in level)
      throw new ConfigurationError(`${given.place}: SigLevel does not know ${level.unknown.slice(0, 40)}`);
    return level;
  }

  #server(server: string, raw: RawRepository, architecture: string | undefined): string {
    if (server.includes("$arch") && architecture === undefined)
      throw new ConfigurationError(
        `${raw.place}: a server of ${raw.name} names $arch, but there is no Architecture in [options]`,
      );
    return server.replaceAll("$repo", raw.name).replaceAll("$arch", architecture ?? "");
  }
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
