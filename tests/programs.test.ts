/**
 * Goal: Debian's own programs do in Stratos what they do on Linux. Method: each script runs under `stratos run` and,
 * from the same root, under qemu-user; output, errors and exit status must be equal. Scripts print nothing that depends
 * on time, process numbers or the host.
 */
import { sampleOf } from "@stratos/base/testing";
import { PROGRAM_CASES } from "./programs/cases.ts";
import { compareWithJudge } from "./support/compare.ts";

compareWithJudge(sampleOf(PROGRAM_CASES, 5));
