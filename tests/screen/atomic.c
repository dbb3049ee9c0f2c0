/* Sets the machine's screen by the atomic interface, as compositors do. */
#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PLANE = 31, CRTC = 32, CONNECTOR = 34 };

static int card;

static const char *outcome(int result) { return result >= 0 ? "0" : strerrorname_np(errno); }

static uint32_t picture(uint32_t width, uint32_t height, uint32_t colour) {
  struct drm_mode_create_dumb made = {.width = width, .height = height, .bpp = 32};
  ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &made);
  struct drm_mode_map_dumb map = {.handle = made.handle};
  ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map);
  uint32_t *at = mmap(0, made.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
  for (unsigned pixel = 0; pixel < made.size / 4; pixel++) at[pixel] = colour;
  struct drm_mode_fb_cmd2 fb = {.width = width, .height = height, .pixel_format = DRM_FORMAT_XRGB8888};
  fb.handles[0] = made.handle;
  fb.pitches[0] = made.pitch;
  ioctl(card, DRM_IOCTL_MODE_ADDFB2, &fb);
  return fb.fb_id;
}

static int properties(uint32_t object, uint32_t *ids, uint64_t *values) {
  struct drm_mode_obj_get_properties list = {
      .obj_id = object, .count_props = 16, .props_ptr = (uintptr_t)ids, .prop_values_ptr = (uintptr_t)values};
  return ioctl(card, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &list) < 0 ? -1 : (int)list.count_props;
}

static uint32_t named(uint32_t object, const char *name, uint64_t *value) {
  uint32_t ids[16];
  uint64_t values[16];
  int count = properties(object, ids, values);
  for (int at = 0; at < count; at++) {
    struct drm_mode_get_property property = {.prop_id = ids[at]};
    ioctl(card, DRM_IOCTL_MODE_GETPROPERTY, &property);
    if (strcmp(property.name, name)) continue;
    if (value) *value = values[at];
    return ids[at];
  }
  return 0;
}

static void list(uint32_t object) {
  uint32_t ids[16];
  uint64_t values[16];
  int count = properties(object, ids, values);
  for (int at = 0; at < count; at++) {
    uint64_t range[16];
    struct drm_mode_get_property property = {.prop_id = ids[at], .values_ptr = (uintptr_t)range, .count_values = 16};
    ioctl(card, DRM_IOCTL_MODE_GETPROPERTY, &property);
    printf("%s%s %x", at ? ", " : "", property.name, property.flags);
    for (unsigned each = 0; each < property.count_values && !(property.flags & DRM_MODE_PROP_ENUM); each++)
      printf(" %lld", (long long)range[each]);
  }
  printf("\n");
}

/* A request that is being put together: each object with one property. */
static uint32_t objects[32], counts[32], ids[32];
static uint64_t values[32];
static int changes;

static void set(uint32_t object, const char *name, uint64_t value) {
  objects[changes] = object;
  counts[changes] = 1;
  ids[changes] = named(object, name, NULL);
  values[changes++] = value;
}

static const char *commit(uint32_t flags) {
  struct drm_mode_atomic request = {.flags = flags, .count_objs = changes, .objs_ptr = (uintptr_t)objects,
                                    .count_props_ptr = (uintptr_t)counts, .props_ptr = (uintptr_t)ids,
                                    .prop_values_ptr = (uintptr_t)values, .user_data = 0x123456789abcdef};
  changes = 0;
  return outcome(ioctl(card, DRM_IOCTL_MODE_ATOMIC, &request));
}

static void plane(uint32_t fb, unsigned x, unsigned width, unsigned height, unsigned shown) {
  set(PLANE, "FB_ID", fb);
  set(PLANE, "CRTC_ID", fb ? CRTC : 0);
  set(PLANE, "CRTC_X", 0);
  set(PLANE, "CRTC_Y", 0);
  set(PLANE, "CRTC_W", shown);
  set(PLANE, "CRTC_H", height);
  set(PLANE, "SRC_X", (uint64_t)x << 16);
  set(PLANE, "SRC_Y", 0);
  set(PLANE, "SRC_W", (uint64_t)width << 16);
  set(PLANE, "SRC_H", (uint64_t)height << 16);
}

static void mode(uint32_t blob, int active) {
  set(CONNECTOR, "CRTC_ID", blob ? CRTC : 0);
  set(CRTC, "MODE_ID", blob);
  set(CRTC, "ACTIVE", active);
}

static uint32_t blob(void *bytes, unsigned length) {
  struct drm_mode_create_blob made = {.data = (uintptr_t)bytes, .length = length};
  if (ioctl(card, DRM_IOCTL_MODE_CREATEPROPBLOB, &made) < 0) printf("blob %s\n", outcome(-1));
  return made.blob_id;
}

static int crtc_is_set(void) {
  struct drm_mode_crtc crtc = {.crtc_id = CRTC};
  ioctl(card, DRM_IOCTL_MODE_GETCRTC, &crtc);
  return crtc.mode_valid;
}

static void pause_at(const char *line) {
  printf("%s\n", line);
  fflush(stdout);
  getchar();
}

static void tell_event(void) {
  struct drm_event_vblank event;
  struct pollfd wait = {.fd = card, .events = POLLIN};
  poll(&wait, 1, -1);
  printf("event of %d bytes", (int)read(card, &event, sizeof event));
  printf(", type %d, %llx, crtc %d\n", event.base.type, (long long)event.user_data, event.crtc_id);
}

enum { TEST = DRM_MODE_ATOMIC_TEST_ONLY, NEW = DRM_MODE_ATOMIC_ALLOW_MODESET, LATER = DRM_MODE_ATOMIC_NONBLOCK,
       TELL = DRM_MODE_PAGE_FLIP_EVENT };

static int capability(uint64_t value) {
  struct drm_set_client_cap cap = {.capability = DRM_CLIENT_CAP_ATOMIC, .value = value};
  return ioctl(card, DRM_IOCTL_SET_CLIENT_CAP, &cap);
}

int main(void) {
  card = open("/dev/dri/card0", O_RDWR);
  uint32_t none[16];
  uint64_t nothing[16];
  struct drm_mode_get_plane_res planes = {0};
  ioctl(card, DRM_IOCTL_MODE_GETPLANERESOURCES, &planes);
  printf("before: %d planes, properties %d of the crtc, %d of the plane, commit %s\n", planes.count_planes,
         properties(CRTC, none, nothing), properties(PLANE, none, nothing), commit(TEST));
  prctl(PR_SET_NAME, "Xorg");
  printf("for an X server %s", outcome(capability(1)));
  prctl(PR_SET_NAME, "weston");
  printf(", for others %s\n", outcome(capability(1)));
  ioctl(card, DRM_IOCTL_MODE_GETPLANERESOURCES, &planes);
  printf("%d plane\n", planes.count_planes);
  list(CONNECTOR);
  list(CRTC);
  list(PLANE);

  struct drm_mode_modeinfo wanted = {.clock = 1000, .hdisplay = 64, .vdisplay = 48, .vrefresh = 60};
  uint32_t first = blob(&wanted, sizeof wanted), red = picture(64, 48, 0xff0000), wide = picture(80, 48, 0x00ff00);
  wanted.hdisplay = 6400;
  uint32_t large = blob(&wanted, sizeof wanted), odd = blob(&wanted, 12);
  printf("nothing %s\n", commit(0));
  mode(first, 1), plane(red, 0, 64, 48, 64);
  printf("tried %s", commit(TEST | NEW));
  printf(", still %d\n", crtc_is_set());
  mode(first, 1), plane(red, 0, 64, 48, 64);
  printf("without leave %s\n", commit(0));
  mode(first, 1), plane(red, 0, 64, 48, 64);
  printf("set %s", commit(NEW));
  printf(", now %d\n", crtc_is_set());
  pause_at("shown");

  plane(wide, 16, 64, 48, 64);
  printf("flip %s", commit(LATER | TELL));
  plane(red, 0, 64, 48, 64);
  printf(", again %s\n", commit(LATER | TELL));
  tell_event();
  pause_at("flipped");
  for (int at = 0; at < 3; at++) {
    plane(at % 2 ? wide : red, 0, 64, 48, 64);
    printf("waits %s\n", commit(TELL));
  }
  for (int at = 0; at < 3; at++) tell_event();

  plane(wide, 0, 80, 48, 64);
  printf("scaled %s", commit(TEST));
  plane(red, 1, 64, 48, 64);
  printf(" beyond the picture %s", commit(TEST));
  plane(red, 0, 32, 48, 32);
  printf(" a part %s", commit(TEST));
  set(PLANE, "CRTC_ID", 0);
  printf(" a picture of nothing %s", commit(TEST));
  set(PLANE, "CRTC_X", -1);
  printf(" beside %s", commit(TEST));
  set(PLANE, "CRTC_ID", PLANE);
  printf(" on a plane %s", commit(TEST));
  set(PLANE, "FB_ID", 7777);
  printf(" no picture %s\n", commit(TEST));
  mode(large, 1);
  printf("large %s", commit(TEST | NEW));
  mode(odd, 1);
  printf(" no mode %s", commit(TEST | NEW));
  mode(red, 1);
  printf(" no blob %s", commit(TEST | NEW));
  set(CRTC, "ACTIVE", 2);
  printf(" too active %s", commit(TEST | NEW));
  set(CRTC, "MODE_ID", 0);
  printf(" active without a mode %s", commit(TEST | NEW));
  set(CONNECTOR, "CRTC_ID", 0);
  printf(" without a connector %s\n", commit(TEST | NEW));
  set(PLANE, "type", 1);
  printf("fixed %s", commit(TEST));
  set(CONNECTOR, "DPMS", 0);
  printf(" power %s", commit(TEST));
  set(PLANE, "FB_ID", red), objects[0] = CRTC;
  printf(" another's %s", commit(TEST));
  set(PLANE, "FB_ID", red), objects[0] = 33;
  printf(" an encoder's %s", commit(TEST));
  set(PLANE, "FB_ID", red), ids[0] = 999;
  printf(" unknown %s", commit(TEST));
  printf(" told of a trial %s", commit(TEST | TELL));
  printf(" at once %s", commit(DRM_MODE_PAGE_FLIP_ASYNC));
  printf(" told of nothing %s\n", commit(TELL));
  struct drm_mode_atomic bad = {.count_objs = 1, .objs_ptr = 1};
  printf("bad pointer %s", outcome(ioctl(card, DRM_IOCTL_MODE_ATOMIC, &bad)));
  bad.reserved = 1;
  printf(" reserved %s\n", outcome(ioctl(card, DRM_IOCTL_MODE_ATOMIC, &bad)));

  /* A blob that is set is there for as long. */
  uint64_t set_mode = 0;
  named(CRTC, "MODE_ID", &set_mode);
  struct drm_mode_destroy_blob destroy = {.blob_id = first};
  int other = open("/dev/dri/card0", O_RDWR);
  printf("mode is %s, another's %s", set_mode == first ? "ours" : "?", outcome(ioctl(other, DRM_IOCTL_MODE_DESTROYPROPBLOB, &destroy)));
  printf(" destroyed %s", outcome(ioctl(card, DRM_IOCTL_MODE_DESTROYPROPBLOB, &destroy)));
  struct drm_mode_get_blob got = {.blob_id = first, .length = sizeof wanted, .data = (uintptr_t)&wanted};
  printf(" read %s", outcome(ioctl(card, DRM_IOCTL_MODE_GETPROPBLOB, &got)));
  printf(": %d bytes, %dx%d\n", got.length, wanted.hdisplay, wanted.vdisplay);
  set(CRTC, "ACTIVE", 0);
  printf("dark %s", commit(NEW | TELL));
  printf(", mode %d\n", crtc_is_set());
  tell_event();
  pause_at("dark");
  mode(0, 0), plane(0, 0, 0, 0, 0);
  printf("off %s", commit(NEW));
  printf(", mode %d, blob %s\n", crtc_is_set(), outcome(ioctl(card, DRM_IOCTL_MODE_GETPROPBLOB, &got)));
  return 0;
}
