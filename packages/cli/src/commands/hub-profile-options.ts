/** Profiles at set intervals: of `stratos hub` and `stratos worker`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { PROFILE_DEFAULTS, PROFILE_SECONDS_MAX, type ProfilerSettings } from "@stratos/hub/profiling";
import { formatSize } from "@stratos/operation";
import { UsageError } from "../command-error.ts";
import { parseCount, parseMebibytes, parseSeconds, parseSecondsTo } from "./hub-options.ts";

export interface ProfileOptions {
  readonly profileEvery?: number;
  readonly profileTime: number;
  readonly profileKeep: number;
  /** MiB. */
  readonly profileSize: number;
}

export function parseProfileTime(text: string): number {
  const seconds = parseSeconds(text);
  if (seconds > PROFILE_SECONDS_MAX) throw new InvalidArgumentError(`expected ${PROFILE_SECONDS_MAX}s at most`);
  return seconds;
}

export function profileOptions(command: Command): Command {
  const { seconds, keep, bytesMax } = PROFILE_DEFAULTS;
  return command
    .addOption(
      new Option(
        "--profile-every <time>",
        "take a profile of this process so often (default: only when asked)",
      ).argParser(parseSecondsTo(7 * 86_400, "a week")),
    )
    .addOption(
      new Option("--profile-time <time>", "how long each looks, a minute at most")
        .argParser(parseProfileTime)
        .default(seconds, `${seconds}s`),
    )
    .addOption(
      new Option("--profile-keep <n>", "so many are kept, in the folder `profiles`")
        .argParser(parseCount(1, 10_000))
        .default(keep),
    )
    .addOption(
      new Option("--profile-size <size>", "and so much of them: 64M, or a number of MiB")
        .argParser(parseMebibytes(1, 1_000_000))
        .default(bytesMax / (1 << 20), formatSize(bytesMax)),
    );
}

/** All but the place. @throws UsageError */
export function profilerSettings(options: ProfileOptions): Omit<ProfilerSettings, "folder"> {
  const { profileEvery: everySeconds = null, profileTime: seconds, profileKeep: keep, profileSize } = options;
  // It would do little else.
  if (everySeconds !== null && everySeconds < seconds)
    throw new UsageError("--profile-every", `${everySeconds} s is less than --profile-time, ${seconds} s`);
  return { everySeconds, seconds, keep, bytesMax: profileSize * (1 << 20) };
}
