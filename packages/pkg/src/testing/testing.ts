/** For tests of packages above: an archive made in memory, and ports whose web and store are maps. */
export {
  makeDeb,
  makeSigner,
  makeTar,
  publish,
  type TestFile,
  type TestPackage,
  type TestSigner,
} from "./test-archive.ts";
export { gathered, sha256, testPorts, type TestPorts } from "./test-ports.ts";
