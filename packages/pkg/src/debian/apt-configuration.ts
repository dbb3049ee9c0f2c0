/**
 * What a system's `apt.conf` and its parts say, as far as it changes what comes of a request, and what of it has no
 * effect here. `dpkg.cfg` is dpkg's own to read; what it says of configuration files is known, so that nothing that is
 * said to dpkg overrides it. Source: apt.conf(5); apt-pkg/contrib/configuration.cc, `ReadConfigFile`; dpkg(1).
 */

export interface AptSettings {
  /** `APT::Install-Recommends` */
  readonly installsRecommends: boolean;
  /** `APT::Default-Release`, as `-t` */
  readonly defaultRelease: string | undefined;
  /** `APT::Get::AutomaticRemove` */
  readonly autoremoves: boolean;
  /** `APT::Get::Purge` */
  readonly purges: boolean;
  /** `Acquire::Check-Valid-Until` is off */
  readonly isExpiredGood: boolean;
  readonly unneeded: UnneededRules;
  /** for each call of dpkg that unpacks or configures */
  readonly dpkgOptions: readonly string[];
  /** what is set and changes what apt does, but nothing here: `NAME (why)` */
  readonly withoutEffect: readonly string[];
}

/** What keeps a package that came for others. */
export interface UnneededRules {
  /** `APT::NeverAutoRemove`, expressions that a name fits */
  readonly never: readonly RegExp[];
  /** `APT::AutoRemove::RecommendsImportant` */
  readonly recommendsKeep: boolean;
  /** `APT::AutoRemove::SuggestsImportant` */
  readonly suggestsKeep: boolean;
}

/** Of files in `apt.conf.d`: does apt read it (apt.conf(5))? */
export function isAptConfPart(name: string): boolean {
  return /^[A-Za-z0-9_-]+(\.conf)?$/.test(name);
}

/** Where nothing is set. */
export const APT_UNNEEDED: UnneededRules = { never: [], recommendsKeep: true, suggestsKeep: true };

/** A malformed configuration file; the message names the file and the line. */
export class AptConfigurationError extends Error {
  override name = "AptConfigurationError";
}

/** Questions about configuration files are answered as a careful administrator would: what was changed here stays. */
const CAREFUL = ["--force-confdef", "--force-confold"];

/**
 * @param texts.apt  name and text of each of apt's files, in apt's order: the parts, then `apt.conf`
 * @param texts.dpkg  texts of dpkg's
 * @throws AptConfigurationError
 */
export function aptSettings(texts: {
  apt: readonly (readonly [string, string])[];
  dpkg: readonly string[];
}): AptSettings {
  const configuration = new AptConfiguration();
  for (const [name, text] of texts.apt) configuration.read(text, name);
  const isOn = (name: string, otherwise: boolean): boolean => booleanOf(configuration.value(name)) ?? otherwise;
  const options = configuration.list("DPkg::Options");
  const passed = options.filter((option) => PASSED_TO_DPKG.test(option));
  const release = configuration.value("APT::Default-Release");
  return {
    installsRecommends: isOn("APT::Install-Recommends", true),
    defaultRelease: release === "" ? undefined : release,
    autoremoves: isOn("APT::Get::AutomaticRemove", false),
    purges: isOn("APT::Get::Purge", false),
    isExpiredGood: !isOn("Acquire::Check-Valid-Until", true),
    unneeded: {
      never: configuration.list("APT::NeverAutoRemove").map(expressionOf),
      recommendsKeep: isOn("APT::AutoRemove::RecommendsImportant", true),
      suggestsKeep: isOn("APT::AutoRemove::SuggestsImportant", true),
    },
    dpkgOptions: [...conffileOptions(passed, texts.dpkg), ...passed],
    withoutEffect: [
      ...withoutEffect(configuration),
      ...(passed.length < options.length
        ? [`DPkg::Options ${options.filter((option) => !passed.includes(option)).join(" ")} (not for a change of ours)`]
        : []),
    ],
  };
}

/** Options that say what dpkg does, and not where or how it tells of it. */
const PASSED_TO_DPKG = /^--(?:(?:no-)?force-|refuse-|path-(?:ex|in)clude=|no-debsig$)/;

/** What answers dpkg's questions where the system's own settings leave them open. */
function conffileOptions(own: readonly string[], dpkgTexts: readonly string[]): readonly string[] {
  const said = new Set<string>();
  for (const line of [...dpkgTexts.flatMap((text) => text.split("\n")), ...own]) {
    const things = /^\s*(?:--)?force-([a-z,-]+)\s*$/.exec(line)?.[1];
    for (const thing of things?.split(",") ?? []) said.add(thing);
  }
  if (said.has("confnew") || said.has("confold")) return [];
  // `confdef` alone leaves those without a default to be asked.
  return said.has("confdef") ? CAREFUL.slice(1) : CAREFUL;
}

/** What changes apt's answers or asks it to run something, and has no effect here. */
function withoutEffect(configuration: AptConfiguration): string[] {
  const found: string[] = [];
  const tell = (name: string, why: string): void => void found.push(`${name} (${why})`);
  for (const name of ["DPkg::Pre-Invoke", "DPkg::Post-Invoke", "DPkg::Pre-Install-Pkgs"])
    if (configuration.list(name).some((command) => !NEEDLESS_COMMAND.test(command)))
      tell(name, "dpkg is called without apt's commands");
  for (const name of ["Acquire::http::Proxy", "Acquire::https::Proxy"])
    if ((configuration.value(name) ?? "") !== "")
      tell(name, "the proxy is that of the host's apt.conf, or of http_proxy and https_proxy");
  for (const name of [
    "Acquire::AllowInsecureRepositories",
    "Acquire::AllowWeakRepositories",
    "Acquire::AllowDowngradeToInsecureRepositories",
    "APT::Get::AllowUnauthenticated",
  ])
    if (booleanOf(configuration.value(name)) === true) tell(name, "say [trusted=yes] at the source that is meant");
  if (booleanOf(configuration.value("APT::Install-Suggests")) === true)
    tell("APT::Install-Suggests", "name what is suggested");
  if (configuration.list("APT::Architectures").length > 0)
    tell("APT::Architectures", "they are those of /var/lib/dpkg/arch");
  for (const name of ["Dir::Etc", "Dir::State"])
    for (const one of configuration.namesBelow(name)) tell(one, "files stand in their usual places");
  return found;
}

/** What Debian's own packages and images set: no question is asked here, and no package stays in the system's cache. */
const NEEDLESS_COMMAND = /^\s*(?:\/usr\/sbin\/dpkg-preconfigure\b|rm -f \/var\/cache\/apt\/)/;

/** A name fits without regard to case, as apt compiles it. */
function expressionOf(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    // apt tells that, and goes on without it.
    return /^(?!)/;
  }
}

function booleanOf(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(?:yes|true|with|on|enable)$/i.test(value) || (/^[0-9]+$/.test(value) && Number(value) !== 0)) return true;
  return /^(?:no|false|without|off|disable|0+)$/i.test(value) ? false : undefined;
}

/** Names are compared without regard to case; what belongs to a list has a name that ends with `::`. */
export class AptConfiguration {
  /** in order, by the name as it was written first */
  readonly #values: { key: string; name: string; value: string }[] = [];

  value(name: string): string | undefined {
    return this.#values.findLast((one) => one.key === name.toLowerCase())?.value;
  }

  /** The elements of a list; one with a value and no elements is a list of it. Source: `Configuration::FindVector`. */
  list(name: string): string[] {
    const key = name.toLowerCase();
    const elements = this.#values.filter((one) => one.key.startsWith(`${key}::`)).map((one) => one.value);
    return elements.length > 0
      ? elements
      : this.#values.filter((one) => one.key === key && one.value !== "").map((one) => one.value);
  }

  /** Names of what is set in a scope. */
  namesBelow(name: string): string[] {
    const prefix = `${name.toLowerCase()}::`;
    return this.#values.filter((one) => one.key.startsWith(prefix)).map((one) => one.name);
  }

  read(text: string, source: string): void {
    const scopes: string[] = [];
    let words: Word[] = [];
    const nameOf = (tag: string): string => [...scopes, tag].join("::");
    const end = (): void => {
      const [tag, value] = words;
      words = [];
      if (tag === undefined) return;
      // In a scope a value alone is one more element of its list.
      if (tag.isQuoted || (value === undefined && scopes.length > 0)) this.#set(nameOf(""), tag.text);
      else this.#set(nameOf(tag.text), value?.text ?? "");
    };
    for (const word of wordsOf(text, source)) {
      if (word.isQuoted || !/^[{};]$/.test(word.text)) {
        const directive = word.isQuoted ? undefined : words[0]?.text;
        if (directive === "#clear") this.#clear(word.text);
        words.push(word);
        continue;
      }
      if (words[0]?.text.startsWith("#") === true) words = [];
      else if (word.text === "{") {
        const tag = words[0];
        if (tag === undefined) throw new AptConfigurationError(`${source}: line ${word.line}: { without a name`);
        words = [];
        scopes.push(tag.text);
      } else {
        end();
        if (word.text === "}" && scopes.pop() === undefined)
          throw new AptConfigurationError(`${source}: line ${word.line}: } without {`);
      }
    }
    if (words.length > 0)
      throw new AptConfigurationError(`${source}: line ${words[0]!.line}: ${words[0]!.text} does not end with ;`);
    if (scopes.length > 0) throw new AptConfigurationError(`${source}: ${scopes.join("::")} { does not end with }`);
  }

  #set(name: string, value: string): void {
    const key = name.toLowerCase();
    const kept = key.endsWith("::") ? undefined : this.#values.find((one) => one.key === key);
    if (kept !== undefined) kept.value = value;
    else this.#values.push({ key, name, value });
  }

  #clear(name: string): void {
    const key = name.toLowerCase();
    const rest = this.#values.filter((one) => one.key !== key && !one.key.startsWith(`${key}::`));
    this.#values.splice(0, this.#values.length, ...rest);
  }
}

interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly line: number;
}

/** Words, quoted ones and `{`, `}`, `;`, without comments. */
function* wordsOf(text: string, source: string): Generator<Word> {
  let line = 1;
  for (const match of text.matchAll(WORDS)) {
    const [found, quoted, word] = match;
    if (quoted !== undefined) yield { text: quoted.replace(/\\(.)/g, "$1"), isQuoted: true, line };
    else if (found === '"') throw new AptConfigurationError(`${source}: line ${line}: " is not closed`);
    else if (word !== undefined) yield { text: word, isQuoted: false, line };
    for (let at = found.indexOf("\n"); at >= 0; at = found.indexOf("\n", at + 1)) line++;
  }
}

/** A comment, a blank, a quoted word, a word or a mark; `#clear` and `#include` are words. */
const WORDS = new RegExp(
  [
    String.raw`\/\*[^]*?(?:\*\/|$)`,
    String.raw`\/\/[^\n]*`,
    String.raw`#(?!clear\b|include\b)[^\n]*`,
    String.raw`\s+`,
    String.raw`"((?:[^"\\\n]|\\.)*)"`,
    String.raw`([{};]|(?:(?!\/\/|\/\*)[^\s{};"])+)`,
    '"',
  ].join("|"),
  "g",
);
