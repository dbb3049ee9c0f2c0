/** How commands reach the supervisor of named systems, and what they say of its failures. */
import { ENOENT, ERRNO_NAMES } from "@stratos/abi";
import { errnoReason, stratosHome } from "@stratos/host-node/home";
import { StratosError } from "@stratos/sdk/client";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { openSupervisor } from "@stratos/supervisor/client";
import { VERSION } from "@stratos/sdk/version";
import { CommandError } from "../command-error.ts";
import { adviceForMissing } from "../session/advice.ts";
import { EXIT_FAILURE, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, EXIT_STRATOS_FAILED, EXIT_USAGE } from "../exit-status.ts";

/** @throws CommandError */
export async function withSupervisor<T>(work: (client: SupervisorClient) => Promise<T>): Promise<T> {
  try {
    const client = await openSupervisor(stratosHome(), VERSION, (words) => process.stderr.write(`stratos: ${words}\n`));
    try {
      return await work(client);
    } finally {
      client.close();
    }
  } catch (error) {
    throw error instanceof StratosError ? told(error) : error;
  }
}

/**
 * The same work for each of several systems; the failure of one is told, and the others go on.
 *
 * @returns the exit status
 */
export function forEachSystem(
  names: readonly string[],
  work: (client: SupervisorClient, name: string) => Promise<void>,
): Promise<number> {
  return withSupervisor(async (client) => {
    let status = 0;
    for (const name of names) {
      try {
        await work(client, name);
      } catch (error) {
        if (!(error instanceof StratosError) || client.isGone) throw error;
        process.stderr.write(`stratos: ${told(error).message}\n`);
        status = EXIT_FAILURE;
      }
    }
    return status;
  });
}

type Change<Client> = (client: Client, name: string) => { readonly answer: Promise<unknown> };

/** The same change of several systems: the names of those that have it are printed, as it is done. */
export function changeSystems(names: readonly string[], change: Change<SupervisorClient>): Promise<number> {
  return forEachSystem(names, async (client, name) => {
    await change(client, name).answer;
    process.stdout.write(`${name}\n`);
  });
}

/** … all at once, where each may take long: five that are stopped take as long as the slowest. */
export function changeSystemsAtOnce(names: readonly string[], change: Change<SupervisorClient>): Promise<number> {
  return changeSystems(names, begunAtOnce(names, change));
}

/** What begins the change of each with that of the first one. */
export function begunAtOnce<Client>(names: readonly string[], change: Change<Client>): Change<Client> {
  let answers: Map<string, { readonly answer: Promise<unknown> }> | null = null;
  return (client, name) => {
    answers ??= new Map([...new Set(names)].map((each) => [each, change(client, each)]));
    // Each failure is told when it is that one's turn.
    for (const { answer } of answers.values()) answer.catch(() => {});
    return answers.get(name)!;
  };
}

const NO_IMAGE = "no such image; `stratos image ls` lists them, `stratos image build` makes one";

/** What a person is told of it. */
export function told(error: StratosError): CommandError {
  const [, what, said] = /^(.*?): (.*)$/s.exec(error.message) ?? ["", "named systems", error.message];
  // What a program would do about it is no command.
  const why = error.kind === "no-image" ? NO_IMAGE : `${errnoWords(said!)}${adviceOf(error)}`;
  return new CommandError(what!, why!, { status: statusOf(error), cause: error });
}

function adviceOf({ kind, data }: StratosError): string {
  if (kind !== "program") return "";
  const { program, code } = data as { program: string; code: string };
  return code === ERRNO_NAMES[ENOENT] ? adviceForMissing(program) : "";
}

/** Programs are told the code of a file's failure; a person is told its words. */
function errnoWords(said: string): string {
  const errno = ERRNO_NAMES.indexOf(said);
  return errno <= 0 ? said : (errnoReason(errno) ?? said);
}

function statusOf({ kind, data }: StratosError): number {
  switch (kind) {
    case "option":
    case "no-user":
      return EXIT_USAGE;
    case "program":
    case "cwd":
      return (data as { code: string }).code === ERRNO_NAMES[ENOENT] ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    case "engine":
      return EXIT_STRATOS_FAILED;
    default:
      return EXIT_FAILURE;
  }
}
