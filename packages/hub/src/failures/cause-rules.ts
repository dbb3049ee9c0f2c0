/**
 * Lines that say why builds fail, and of what kind that is. Rules are tried in this order, each on all lines: what
 * explains others (no room, no memory) goes before what it brings about, such as a failed test. Patterns take time in
 * proportion to a line.
 */
import type { FailureCause } from "@stratos/hub-api";

interface CauseRule {
  readonly cause: FailureCause;
  /** `file` is where it is said to be. */
  readonly test: RegExp;
  readonly except?: RegExp;
}

const rule = (cause: FailureCause, test: RegExp, except?: RegExp): CauseRule => ({
  cause,
  test,
  ...(except === undefined ? {} : { except }),
});

/** Cheap, for most lines: without one of these words no rule fits. */
export const HINT = new RegExp(
  [
    "error|fail|exception|not ok|cannot|can't|can not|could not|no such|not found|no space|no rule|no package",
    "no module|quota|memory|bad_alloc|killed|undefined|multiple definition|unmet|unable|unreachable|not known",
    "EAI_AGAIN|ENOSPC|lookup|connect|requirements|required|locate|hunk|does not apply|timeout|dubious|panic|abort",
    "fatal|fault|traceback|\\*\\*\\*|\\.go:\\d",
  ].join("|"),
  "i",
);

export const CAUSE_RULES: readonly CauseRule[] = [
  rule("memory", /\b(?:virtual memory exhausted|std::bad_alloc|JavaScript heap out of memory|MemoryError$)/),
  rule("memory", /(?:: |^)(?:fatal error: )?(?:Cannot allocate memory|out of memory\b|memory exhausted)/i),
  rule("memory", /Killed signal terminated program|LLVM ERROR: out of memory|oom-kill/),
  rule("disk", /No space left on device|Disk quota exceeded|\bENOSPC\b/),

  rule("dependency", /^(?<file>[^\s:][^:]*):\d+(?::\d+)?: fatal error: \S+: No such file or directory/),
  rule("dependency", /^error\[E0463\]: can't find crate|no matching package named `/),
  rule("compiler", /^(?<file>[^\s:][^:]*):\d+(?::\d+)?: (?:fatal )?error:/),
  rule("compiler", /^(?<file>[^\s:(]+)\(\d+,\d+\): error [A-Z]+\d+: /),
  rule("compiler", /^(?<file>[^\s:]+\.go):\d+:\d+: \S/),
  rule(
    "compiler",
    /^error(?:\[E\d+\])?: \S/,
    /^error: (?:could not compile|aborting due|test failed|build failed|process didn't|failed to run custom)/,
  ),
  rule("compiler", /\bundefined reference to |: undefined symbol: |: multiple definition of /),
  rule("compiler", /^\s*(?:SyntaxError|IndentationError|TabError): /),

  rule("network", /Could not resolve host|Temporary failure in name resolution|Name or service not known|EAI_AGAIN/),
  rule("network", /Network is unreachable|failed to lookup address information|dial tcp: lookup |NewConnectionError/),
  rule("network", /Failed to establish a new connection|Could not connect to server|unable to access 'https?:/),

  rule("dependency", /dpkg-checkbuilddeps: error: Unmet build dependencies: /),
  rule(
    "dependency",
    /^E: (?:Unable to locate package|Package '?\S+'? has no installation candidate|Unmet dependencies)/,
  ),
  rule(
    "dependency",
    /\bNo package '[^']+' found|Package requirements \([^)]*\) were not met|^Package '[^']+', required by/,
  ),
  rule("dependency", /Could NOT find \S|Could not find a package configuration file provided by/, /^-- /),
  rule("dependency", /\b(?:ModuleNotFoundError|ImportError): No module named |\bCan't locate \S+\.pm in @INC/),
  rule("dependency", /\bcannot find -l\S|: error while loading shared libraries: /),
  rule("dependency", /\bCannot find module '[^']+'|\bERR_MODULE_NOT_FOUND\b/),
  rule("dependency", /: cannot find package "|no required module provides package/),
  rule(
    "dependency",
    /\bERROR: (?:Dependency|Program|Unknown compiler|[A-Z+]+ (?:shared or static )?library)\b.* not found/,
  ),
  rule("dependency", /^\S*(?:sh|bash): (?:line )?(?:\d+: )?[^\s:]+: (?:command )?not found$/),
  rule("dependency", /^make(?:\[\d+\])?: [^\s:*]+: No such file or directory$/),
  rule("configure", /^configure: error: \S|^CMake Error at |^\S*meson\.build:\d+:\d+: ERROR: /),

  rule("patch", /^Hunk #\d+ FAILED|does not apply \(enforce with -f\)|^error: patch failed: /),
  rule("packaging", /^make(?:\[\d+\])?: \*\*\* No rule to make target /),
  rule(
    "packaging",
    /^(?:dh_\w+|dpkg-\w+): error: \S/,
    /^(?:dh_auto_\w+: error: .* returned exit code|dpkg-buildpackage: error: .* subprocess .* exit status)/,
  ),

  rule("test", /^(?:FAIL|XPASS|ERROR): \S/, /^ERROR: (?!\w+ \()/),
  rule("test", /^\s*not ok \d+\b/, /# (?:T[O]DO|SKIP)\b/i),
  rule("test", /^(?:FAILED|ERROR) \S+::\S/),
  rule("test", /^test \S+ \.\.\. FAILED$/),
  rule("test", /^\s*--- FAIL: \S/),
  rule("test", /^\s*\d+ - \S.* \((?:Failed|Timeout|SEGFAULT|ILLEGAL|BUS|NUMERICAL|Subprocess aborted|Not Run)\)/),
  rule("test", /^\s*\d+\/\d+ \S.* (?:FAIL|TIMEOUT|ERROR) +\d/),
  rule("test", /^\S+\.t\b.*(?:\(Wstat: |Dubious, test returned|Failed \d+\/\d+ subtests)/),
  rule("test", /\bTests run: \d+, Failures: [1-9]|^\s*\d+ failing$|^\d+ (?:of \d+ )?tests? failed\b/),
  rule("test", /^# FAIL: +[1-9]|^dh_auto_test: error: \S/),
];

/** Here tools give up: what comes after is what follows from it. */
export const GIVEN_UP =
  /^(?:g?make(?:\[\d+\])?: \*\*\* |ninja: build stopped|dh_auto_\w+: error: |dpkg-buildpackage: error: )/;

/** Of what no rule knows. */
export const SOUNDS_LIKE_ONE =
  /\b(?:\w*(?:Error|Exception)|error|fatal|fail(?:ed|ure)|cannot|panic(?:ked)?|aborted|assertion)\b|segmentation f/i;
export const SOUNDS_HARMLESS =
  /-W(?:no-)?error|\b(?:0|no) (?:errors?|failures?|failed)\b|\berrors?: 0\b|\berror\.\w{1,3}\b/i;
