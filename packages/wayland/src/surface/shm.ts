/**
 * wl_shm: pixels in memory that a client shares. The memory stays the client's: it may change, shorten or seal the file
 * at any time, so nothing but its bytes as they are when they are copied is ever taken from it, and bytes that are not
 * there any more end the client (wl_shm.error.invalid_fd), as weston answers SIGBUS.
 */
import { flag, record, whole } from "@stratos/base/value-check";
import { isFile } from "../core/client.ts";
import type { SharedFile } from "../core/ports.ts";
import type { Resource } from "../core/resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { type ClientBuffer, SIDE_MAX } from "./client-buffer.ts";

const { error, format } = enums.wl_shm;
export function serveShm(resource: Resource): void {
  implement(resource, "wl_shm", {
    create_pool: (id, file, size) => {
      const isTooLong = size > 0 && file.sizeBytes < size;
      if (size > 0 && !isTooLong) return stand(id, new ShmPool(id, resource, file, size));
      resource.client.release(file);
      if (size <= 0) resource.fail(error.invalid_stride, `a pool of ${size} bytes`);
      resource.fail(error.invalid_fd, `a pool of ${size} bytes in a file of ${file.sizeBytes}`);
    },
    release: () => {},
  });
}

export function bindShm(resource: Resource): void {
  serveShm(resource);
  events.wl_shm.format(resource, format.argb8888);
  events.wl_shm.format(resource, format.xrgb8888);
}

class ShmPool {
  #resource: Resource;
  #shm: Resource;
  #file: SharedFile;
  #sizeBytes: number;
  /** The pool's own object, and its buffers. */
  #users = 0;

  constructor(resource: Resource, shm: Resource, file: SharedFile, sizeBytes: number) {
    this.#resource = resource;
    this.#shm = shm;
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  /** It came over its client's connection. */
  get file(): SharedFile {
    return this.#file;
  }

  serve(): void {
    const resource = this.#resource;
    this.#users++;
    resource.onDestroy(() => this.release());
    implement(resource, "wl_shm_pool", {
      destroy: () => {},
      create_buffer: (id, offset, width, height, stride, kind) => {
        if (kind !== format.argb8888 && kind !== format.xrgb8888)
          resource.fail(error.invalid_format, `format 0x${kind.toString(16)}`);
        const fits = width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX && stride >= 4 * width;
        // Exact: each factor is below 2^31, their product below 2^53.
        if (!fits || offset < 0 || offset + stride * (height - 1) + 4 * width > this.#sizeBytes)
          resource.fail(error.invalid_stride, `${width} × ${height}, stride ${stride}, at ${offset}`);
        const isOpaque = kind === format.xrgb8888;
        stand(id, new ShmBuffer(id, this, { offset, width, height, stride, isOpaque }));
      },
      resize: (size) => {
        if (size < this.#sizeBytes || this.#file.sizeBytes < size)
          resource.fail(error.invalid_fd, `a pool of ${this.#sizeBytes} bytes cannot have ${size}`);
        this.#sizeBytes = size;
      },
    });
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) this.#shm.client.release(this.#file);
  }

  read(into: Uint8Array, offset: number): void {
    for (let done = 0; done < into.length;) {
      const count = this.#file.read(into.subarray(done), offset + done);
      if (count <= 0) this.#shm.fail(error.invalid_fd, "the memory of a pool is gone");
      done += count;
    }
  }

  static {
    savedClass(
      "ShmPool",
      this,
      { "#resource": a("Resource"), "#shm": a("Resource"), "#file": isFile, "#sizeBytes": whole(1, 2 ** 31 - 1) },
      {
        save: (it) => ({ resource: it.#resource, shm: it.#shm, file: it.#file, sizeBytes: it.#sizeBytes }),
        load: (it, from) => ({ resource: it.#resource, shm: it.#shm, file: it.#file, sizeBytes: it.#sizeBytes } = from),
      },
      // Who uses it says so as it comes.
      { keeps: ["#users"] },
    );
  }
}

interface Layout {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly isOpaque: boolean;
}

class ShmBuffer implements ClientBuffer {
  #resource: Resource;
  #pool: ShmPool;
  #layout: Layout;
  #users = 0;

  constructor(resource: Resource, pool: ShmPool, layout: Layout) {
    this.#resource = resource;
    this.#pool = pool;
    this.#layout = layout;
  }

  serve(): void {
    this.#pool.retain();
    implement(this.#resource, "wl_buffer", { destroy: () => {} });
    this.#resource.onDestroy(() => {
      if (this.#users === 0) this.#pool.release();
    });
  }

  get width(): number {
    return this.#layout.width;
  }

  get height(): number {
    return this.#layout.height;
  }

  copy(target: Uint32Array, part: Rectangle): void {
    const { offset, stride, width, isOpaque } = this.#layout;
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    if (stride === 4 * width && part.width === width) {
      const start = part.y * stride;
      this.#pool.read(bytes.subarray(start, start + part.height * stride), offset + start);
    } else
      for (let y = part.y; y < part.y + part.height; y++) {
        const start = 4 * (y * width + part.x);
        this.#pool.read(bytes.subarray(start, start + 4 * part.width), offset + y * stride + 4 * part.x);
      }
    if (!isOpaque) return;
    for (let y = part.y; y < part.y + part.height; y++)
      for (let at = y * width + part.x, end = at + part.width; at < end; at++) target[at]! |= 0xff000000;
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users > 0) return;
    if (this.#resource.isDestroyed) this.#pool.release();
    else events.wl_buffer.release(this.#resource);
  }

  static {
    const side = whole(1, SIDE_MAX);
    const layout = record({
      offset: whole(0, 2 ** 31 - 1),
      width: side,
      height: side,
      stride: whole(4, 2 ** 31 - 1),
      isOpaque: flag,
    });
    savedClass(
      "ShmBuffer",
      this,
      { "#resource": a("Resource"), "#pool": a("ShmPool"), "#layout": layout },
      {
        save: (it) => ({ resource: it.#resource, pool: it.#pool, layout: it.#layout }),
        load: (it, from) => ({ resource: it.#resource, pool: it.#pool, layout: it.#layout } = from),
      },
      {
        keeps: ["#users"],
        // One that is shown still, and that its program has destroyed.
        loaded: (it) => it.#resource.isDestroyed && it.#pool.retain(),
      },
    );
  }
}
