/**
 * What it costs to bring a window's pixels onto a page: as ImageData on a canvas ("2d"), or as a texture (WebGL 2,
 * which takes them as Wayland has them). Without a graphics processor both are the same processor's work. And what a
 * line of text that changed costs in the compositor.
 */
import { TestClient, TestScreen, TestWindow } from "../../packages/wayland/src/testing/test-client.ts";
import { Browser } from "../../tests/support/browser.ts";

const SIZES = { "a whole window of 1157 × 774": [1157, 774], "a line of text, 800 × 18": [800, 18] } as const;

/** In a page: ms of a frame, of pixels turned for 2d, 2d, WebGL 2, and waiting until that has drawn; or words. */
const IN_PAGE = `(width, height) => {
  const pixels = new Uint32Array(width * height).fill(0xff123456), rgba = new Uint32Array(width * height);
  const timed = (work) => {
    for (let frame = 0; frame < 10; frame++) work();
    const start = performance.now();
    for (let frame = 0; frame < 60; frame++) work();
    return (performance.now() - start) / 60;
  };
  const turn = timed(() => {
    for (let at = 0; at < pixels.length; at++) {
      const pixel = pixels[at];
      rgba[at] = (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff);
    }
  });
  const size = { width: 1157, height: 774 };
  const canvas = () => document.body.appendChild(Object.assign(document.createElement("canvas"), size));
  const context = canvas().getContext("2d");
  const clamped = new Uint8ClampedArray(rgba.buffer);
  const flat = timed(() => context.putImageData(new ImageData(clamped, width, height), 0, 0));
  const gl = canvas().getContext("webgl2", { preserveDrawingBuffer: true });
  if (gl === null) return "there is no WebGL 2";
  const program = gl.createProgram();
  const add = (type, text) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, "#version 300 es\\n" + text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  };
  add(gl.VERTEX_SHADER, "out vec2 at; void main() {" +
    "at = vec2(gl_VertexID & 1, gl_VertexID >> 1); gl_Position = vec4(at * 2.0 - 1.0, 0, 1); }");
  add(gl.FRAGMENT_SHADER, "precision mediump float; in vec2 at; out vec4 colour; uniform sampler2D window;" +
    "void main() { colour = texture(window, vec2(at.x, 1.0 - at.y)).bgra; }");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return gl.getProgramInfoLog(program);
  gl.useProgram(program);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, 1157, 774);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  const bytes = new Uint8Array(pixels.buffer);
  const upload = () => {
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  };
  const asked = timed(upload);
  const one = new Uint8Array(4);
  const drawn = timed(() => {
    upload();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, one);
  });
  return [turn, flat, asked, drawn];
}`;

export async function measureComposing(): Promise<string[]> {
  const lines: string[] = [];
  const browser = await Browser.launch(undefined, [
    "--enable-unsafe-swiftshader",
    "--use-gl=angle",
    "--use-angle=swiftshader",
  ]);
  const page = await browser.open("about:blank");
  for (const [name, [width, height]] of Object.entries(SIZES)) {
    const found = (await page.evaluate(`(${IN_PAGE})(${width}, ${height})`)) as number[] | string;
    const words = (ms: number): string => `${ms.toFixed(2)} ms`;
    if (typeof found === "string") lines.push(`${name}: ${found}`);
    else {
      const [turn, drawing, asked, drawn] = found.map(words);
      lines.push(
        `${name}: 2d ${drawing} (and ${turn} in the worker, for its order of colours); ` +
          `WebGL 2 by software ${drawn} (asked for in ${asked})`,
      );
    }
  }
  await browser.close();
  lines.push(
    `a line of text in the compositor, from commit to canvas: ${compositorMs().toFixed(3)} ms of the processor`,
  );
  return lines;
}

/** A window of 1157 × 774 of which a line of 800 × 18 is drawn anew. */
function compositorMs(): number {
  const screen = new TestScreen({ width: 1280, height: 800 });
  const window = new TestWindow(new TestClient(screen), null);
  const { buffer } = window.draw({ width: 1157, height: 774, pixel: 0xffffffff });
  screen.frame();
  const frames = 2000;
  const draw = (frame: number): void => {
    window.client.send(window.surface, "attach", buffer, 0, 0);
    window.client.send(window.surface, "damage_buffer", 40, 20 + 18 * (frame % 30), 800, 18);
    window.client.send(window.surface, "commit");
    screen.frame();
    window.client.forget();
  };
  for (let frame = 0; frame < 100; frame++) draw(frame);
  const start = process.cpuUsage();
  for (let frame = 0; frame < frames; frame++) draw(frame);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / frames;
}
