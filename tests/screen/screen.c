/* Draws on the machine's screen and reads its keyboard, as programs without a window system do. */
#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <linux/input.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int card;

static const char *outcome(int result) { return result >= 0 ? "0" : strerrorname_np(errno); }

static uint32_t *buffer(struct drm_mode_create_dumb *made, int width, int height, int bpp) {
  *made = (struct drm_mode_create_dumb){.width = width, .height = height, .bpp = bpp};
  if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, made) < 0) return NULL;
  struct drm_mode_map_dumb map = {.handle = made->handle};
  if (ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map) < 0) return NULL;
  void *at = mmap(0, made->size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
  return at == MAP_FAILED ? NULL : at;
}

static uint32_t framebuffer(struct drm_mode_create_dumb *of, uint32_t format) {
  struct drm_mode_fb_cmd2 fb = {.width = of->width, .height = of->height, .pixel_format = format};
  fb.handles[0] = of->handle;
  fb.pitches[0] = of->pitch;
  int result = ioctl(card, DRM_IOCTL_MODE_ADDFB2, &fb);
  if (result < 0) printf("ADDFB2 %s\n", outcome(result));
  return fb.fb_id;
}

static void list(void) {
  uint32_t crtcs[4], connectors[4], encoders[4];
  struct drm_mode_card_res resources = {
      .crtc_id_ptr = (uintptr_t)crtcs, .count_crtcs = 4, .connector_id_ptr = (uintptr_t)connectors,
      .count_connectors = 4, .encoder_id_ptr = (uintptr_t)encoders, .count_encoders = 4};
  ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources);
  printf("%d crtc, %d connector, %d encoder, to %dx%d\n", resources.count_crtcs, resources.count_connectors,
         resources.count_encoders, resources.max_width, resources.max_height);
  struct drm_mode_modeinfo modes[32];
  struct drm_mode_get_connector connector = {
      .connector_id = connectors[0], .count_modes = 32, .modes_ptr = (uintptr_t)modes};
  ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector);
  printf("connector %s, type %d, encoder %d", connector.connection == 1 ? "connected" : "?", connector.connector_type,
         connector.encoder_id);
  for (unsigned at = 0; at < connector.count_modes; at++)
    printf("%s %s@%d%s", at ? "," : ":", modes[at].name, modes[at].vrefresh, modes[at].type & 8 ? "*" : "");
  printf("\n");
}

static int show(uint32_t fb, int width, int height) {
  uint32_t connector = 34;
  struct drm_mode_crtc crtc = {.crtc_id = 32, .fb_id = fb, .set_connectors_ptr = (uintptr_t)&connector,
                               .count_connectors = 1, .mode_valid = 1};
  crtc.mode.hdisplay = width;
  crtc.mode.vdisplay = height;
  return ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc);
}

static void fill(uint32_t *pixels, struct drm_mode_create_dumb *of, uint32_t colour) {
  for (unsigned y = 0; y < of->height; y++)
    for (unsigned x = 0; x < of->width; x++) pixels[y * of->pitch / 4 + x] = colour;
}

static void modes(void) {
  struct drm_version version = {0};
  char name[16] = "";
  version.name = name, version.name_len = sizeof name;
  ioctl(card, DRM_IOCTL_VERSION, &version);
  printf("driver %s\n", name);
  list();
  struct drm_mode_create_dumb one, two, small;
  uint32_t *first = buffer(&one, 64, 48, 32), *second = buffer(&two, 64, 48, 32);
  printf("pitch %d, size %lld\n", one.pitch, (long long)one.size);
  fill(first, &one, 0x112233);
  fill(second, &two, 0x00ff00);
  first[47 * one.pitch / 4 + 63] = 0xffffff;
  uint32_t fb = framebuffer(&one, DRM_FORMAT_XRGB8888), other = framebuffer(&two, DRM_FORMAT_XRGB8888);
  printf("set %s\n", outcome(show(fb, 64, 48)));
  struct drm_mode_get_connector connector = {.connector_id = 34};
  struct drm_mode_get_encoder encoder = {.encoder_id = 33};
  ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector);
  ioctl(card, DRM_IOCTL_MODE_GETENCODER, &encoder);
  printf("encoder %d of crtc %d\n", connector.encoder_id, encoder.crtc_id);
  printf("shown\n");
  fflush(stdout);
  getchar();
  struct drm_mode_crtc_page_flip flip = {.crtc_id = 32, .fb_id = other, .flags = DRM_MODE_PAGE_FLIP_EVENT, .user_data = 42};
  printf("flip %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_PAGE_FLIP, &flip)));
  printf("flip again %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_PAGE_FLIP, &flip)));
  struct drm_event_vblank event;
  struct pollfd wait = {.fd = card, .events = POLLIN};
  printf("poll %d", poll(&wait, 1, -1));
  printf(" read %d", (int)read(card, &event, sizeof event));
  printf(" type %d length %d data %d crtc %d\n", event.base.type, event.base.length, (int)event.user_data, event.crtc_id);
  union drm_wait_vblank vblank = {.request = {.type = _DRM_VBLANK_RELATIVE, .sequence = 2}};
  printf("vblank %s", outcome(ioctl(card, DRM_IOCTL_WAIT_VBLANK, &vblank)));
  printf(", two frames on: %d\n", vblank.reply.sequence - event.sequence >= 2);
  uint32_t *cursor = buffer(&small, 64, 64, 32);
  cursor[0] = 0xffff0000;
  struct drm_mode_cursor point = {.flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE, .crtc_id = 32, .x = 5, .y = 6,
                                  .width = 64, .height = 64, .handle = small.handle};
  printf("cursor %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_CURSOR, &point)));
  printf("flipped\n");
  fflush(stdout);
  getchar();
  /* Memory outlives what it was made from, as long as it is mapped. */
  struct drm_mode_destroy_dumb destroy = {.handle = two.handle};
  printf("rmfb %s", outcome(ioctl(card, DRM_IOCTL_MODE_RMFB, &other)));
  printf(" destroy %s", outcome(ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy)));
  printf(" again %s, pixel %x\n", outcome(ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy)), second[9]);
  struct drm_mode_crtc crtc = {.crtc_id = 32};
  ioctl(card, DRM_IOCTL_MODE_GETCRTC, &crtc);
  printf("crtc %d\n", crtc.mode_valid);
  printf("opened anew %s %s\n", outcome(open("/dev/dri/card0", O_RDWR)), outcome(open("/dev/input/event0", O_RDWR)));
}

/** What makes no sense. */
static void refused(void) {
  struct drm_mode_create_dumb made, large = {.width = 0xffffffff, .height = 0xffffffff, .bpp = 32}, none = {0};
  printf("none %s", outcome(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &none)));
  printf(" large %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &large)));
  buffer(&made, 64, 48, 32);
  uint32_t fb = framebuffer(&made, DRM_FORMAT_XRGB8888);
  printf("mode beyond the picture %s\n", outcome(show(fb, 65, 48)));
  printf("mode beyond the screen %s\n", outcome(show(fb, 6400, 48)));
  printf("no picture %s\n", outcome(show(fb + 1, 64, 48)));
  made.height = 4096;
  framebuffer(&made, DRM_FORMAT_XRGB8888);
  made.height = 48;
  framebuffer(&made, DRM_FORMAT_NV12);
  made.pitch = 4;
  framebuffer(&made, DRM_FORMAT_XRGB8888);
  struct drm_mode_map_dumb map = {.handle = 99};
  printf("map %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map)));
  printf("mmap nowhere %s\n", mmap(0, 4096, PROT_READ, MAP_SHARED, card, 1 << 20) == MAP_FAILED ? outcome(-1) : "?");
  map.handle = made.handle;
  ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map);
  int other = open("/dev/dri/card0", O_RDWR);
  printf("mmap of another's %s\n", mmap(0, 4096, PROT_READ, MAP_SHARED, other, map.offset) == MAP_FAILED ? outcome(-1) : "?");
  printf("mmap too long %s\n", mmap(0, 1 << 20, PROT_READ, MAP_SHARED, card, map.offset) == MAP_FAILED ? outcome(-1) : "?");
  struct drm_mode_crtc off = {.crtc_id = 32};
  printf("not the master %s", outcome(ioctl(other, DRM_IOCTL_MODE_SETCRTC, &off)));
  printf(" set master %s", outcome(ioctl(other, DRM_IOCTL_SET_MASTER, 0)));
  printf(" drop %s", outcome(ioctl(card, DRM_IOCTL_DROP_MASTER, 0)));
  printf(" set master %s\n", outcome(ioctl(other, DRM_IOCTL_SET_MASTER, 0)));
  struct drm_set_client_cap cap = {.capability = DRM_CLIENT_CAP_ATOMIC, .value = 3};
  printf("atomic %s", outcome(ioctl(card, DRM_IOCTL_SET_CLIENT_CAP, &cap)));
  printf(" unknown %s", outcome(ioctl(card, DRM_IOWR(0x99, int), &cap)));
  printf(" other type %s\n", outcome(ioctl(card, FBIOBLANK, 0)));
  printf("flip of nothing %s\n", outcome(ioctl(other, DRM_IOCTL_MODE_PAGE_FLIP, &(struct drm_mode_crtc_page_flip){.crtc_id = 32, .fb_id = fb})));
  printf("bad pointer %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, 1)));
}

static void console(void) {
  int file = open("/dev/fb0", O_RDWR);
  struct fb_var_screeninfo variable;
  struct fb_fix_screeninfo fixed;
  ioctl(file, FBIOGET_VSCREENINFO, &variable);
  ioctl(file, FBIOGET_FSCREENINFO, &fixed);
  printf("%s: %dx%d, %d bits, red at %d, line of %d, %d bytes\n", fixed.id, variable.xres, variable.yres,
         variable.bits_per_pixel, variable.red.offset, fixed.line_length, fixed.smem_len);
  uint32_t *pixels = mmap(0, fixed.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  pixels[0] = 0xff0000;
  uint32_t blue = 0x0000ff;
  printf("pwrite %d", (int)pwrite(file, &blue, 4, 4));
  printf(" at the end %s", outcome(pwrite(file, &blue, 4, fixed.smem_len)));
  printf(" beyond %s", outcome(pwrite(file, &blue, 4, fixed.smem_len + 1)));
  lseek(file, 0, SEEK_SET);
  uint32_t back[2];
  printf(" read %d", (int)read(file, back, 8));
  printf(": %x %x\n", back[0], back[1]);
  printf("wait %s\n", outcome(ioctl(file, FBIO_WAITFORVSYNC, &(int){0})));
  variable.xres *= 2;
  printf("larger %s\n", outcome(ioctl(file, FBIOPUT_VSCREENINFO, &variable)));
  printf("shown\n");
  fflush(stdout);
  getchar();
}

static void tell(int file) {
  struct input_event events[16];
  int count = read(file, events, sizeof events) / (int)sizeof *events;
  for (int at = 0; at < count; at++)
    printf("%s%d/%d/%d", at ? " " : "", events[at].type, events[at].code, events[at].value);
  printf("\n");
}

static void input(void) {
  int keyboard = open("/dev/input/event0", O_RDWR), pointer = open("/dev/input/event1", O_RDONLY);
  char name[64];
  struct input_id id;
  printf("%d %s", ioctl(keyboard, EVIOCGNAME(sizeof name), name), name);
  ioctl(keyboard, EVIOCGID, &id);
  printf(", bus %d\n", id.bustype);
  unsigned long bits[12] = {0};
  printf("types %d", ioctl(keyboard, EVIOCGBIT(0, sizeof bits), bits));
  printf(" %lx\n", bits[0]);
  printf("keys %d", ioctl(keyboard, EVIOCGBIT(EV_KEY, sizeof bits), bits));
  printf(" %lx\n", bits[0]);
  printf("force feedback %d", ioctl(keyboard, EVIOCGBIT(EV_FF, sizeof bits), bits));
  printf(" repetition %s\n", outcome(ioctl(keyboard, EVIOCGBIT(EV_REP, sizeof bits), bits)));
  struct input_absinfo axis;
  ioctl(pointer, EVIOCGABS(ABS_X), &axis);
  printf("axis %d to %d\n", axis.minimum, axis.maximum);
  printf("no axis %s\n", outcome(ioctl(pointer, EVIOCGABS(ABS_Z), &axis)));
  ioctl(keyboard, EVIOCSREP, (unsigned[]){0, 0});
  printf("ready\n");
  fflush(stdout);
  tell(keyboard);
  tell(pointer);
  unsigned char keys[96] = {0};
  ioctl(keyboard, EVIOCGKEY(sizeof keys), keys);
  printf("held %d\n", keys[KEY_A / 8] >> (KEY_A % 8) & 1);
  printf("grab %s", outcome(ioctl(keyboard, EVIOCGRAB, 1)));
  int other = open("/dev/input/event0", O_RDONLY | O_NONBLOCK);
  printf(" and %s\n", outcome(ioctl(other, EVIOCGRAB, 1)));
  printf("grabbed\n");
  fflush(stdout);
  tell(keyboard);
  struct input_event event;
  printf("other %s\n", outcome(read(other, &event, sizeof event)));
  printf("short %s", outcome(read(keyboard, &event, 3)));
  printf(" seek %s\n", outcome(lseek(keyboard, 0, SEEK_CUR)));
  printf("revoke %s", outcome(ioctl(keyboard, EVIOCREVOKE, 0)));
  printf(" read %s\n", outcome(read(keyboard, &event, sizeof event)));
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 1 << 16);
  card = open("/dev/dri/card0", O_RDWR);
  if (card < 0) return printf("no card: %s\n", outcome(-1)), 1;
  if (!strcmp(argv[1], "modes")) modes();
  if (!strcmp(argv[1], "refused")) refused();
  if (!strcmp(argv[1], "console")) console();
  if (!strcmp(argv[1], "input")) input();
  return 0;
}
