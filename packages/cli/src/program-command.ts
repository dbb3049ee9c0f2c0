import { Command } from "commander";

/**
 * A command whose status is a program's, or tells what was found of one: a failure of ours, which ends other commands
 * with 1, ends it with 125, so that nobody takes it for the program's (run-cli.ts).
 */
export class ProgramCommand extends Command {}
