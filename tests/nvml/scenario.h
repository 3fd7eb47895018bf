/* The machine that fake_nvml.c pretends to be, and the reading of its description.
 *
 * The INI file that LLMCHECK_FAKE_NVML names is read once, when the library is loaded.
 * The first mistake in it is kept in `complaint`, which makes initialisation fail.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_GPUS = 32, MAX_INSTANCES = 7, MAX_PROCESSES = 16, MAX_FAULTS = 64, TEXT = 96 };

#define NA LLONG_MIN /* the value "na": the query answers NOT_SUPPORTED */
#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef long long number;
typedef unsigned long long bytes;

struct process { unsigned pid; number mib; };
struct process_list { unsigned count; struct process item[MAX_PROCESSES]; };
struct pci { unsigned domain, bus, device; };
struct capability { int major, minor; };
struct four { int known; unsigned value[4]; };

struct instance { /* one MIG instance; `present` tells a hole */
    int present, index;
    char profile[TEXT], uuid[TEXT];
    number memory_mib, used_mib, gi, ci;
};

struct gpu {
    int index;
    char name[TEXT], uuid[TEXT], vbios[TEXT];
    struct pci pci;
    struct capability cc;
    struct four remapped, ecc_sram, ecc_dram, clocks;
    struct process_list processes;
    number memory_mib, used_mib, reserved_mib, pci_id, pcie_gen, pcie_width, pcie_max_gen, pcie_max_width;
    number nvlinks, nvlink_peer, mig, ecc, ecc_errors, power_limit_w, temperature, persistence;
    number compute_mode, throttle, virtualization, numa, minor, count;
    number nvlinks_up, fabric_state, fabric_status, licensed, bar1_mib, recovery;
    struct instance instances[MAX_INSTANCES];
};

enum action { ANSWER, HANG, SLOW, CRASH };
struct fault { char function[TEXT]; int gpu, instance; enum action action; int code; double seconds; };

struct host { char driver[TEXT], nvml[TEXT]; number cuda, init; };

static struct host host = {"580.95.05", "13.580.95.05", 13000, 0};
static struct gpu gpus[MAX_GPUS];
static struct fault faults[MAX_FAULTS];
static unsigned gpu_count, fault_count;
static char complaint[512];

/* Every entry point leaves its name in one section of the library, so that [fault] can be checked. */
extern const char *__start_entry_names[] __attribute__((visibility("hidden")));
extern const char *__stop_entry_names[] __attribute__((visibility("hidden")));
#define LISTED(f) static const char *name_of_##f __attribute__((used, section("entry_names"))) = #f;
#define ENTRY(f) LISTED(f) int f

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...) {
    if (!*complaint) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(complaint, sizeof complaint, format, arguments);
        va_end(arguments);
    }
    return 0;
}

static char *trim(char *text) {
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = 0;
    return text;
}

/* The readers answer 1 when the whole text was understood. */

static int read_text(const char *text, void *into) {
    return *text && snprintf(into, TEXT, "%s", text) < TEXT;
}

static int read_number(const char *text, void *into) {
    char *end;
    errno = 0;
    *(number *)into = strcmp(text, "na") ? strtoll(text, &end, 0) : NA;
    return !strcmp(text, "na") || (*text && !*end && !errno);
}

static int read_switch(const char *text, void *into) {
    static const struct { const char *word; number value; } words[] = {{"off", 0}, {"on", 1}, {"na", NA}};
    for (unsigned i = 0; i < COUNT(words); i++)
        if (!strcmp(text, words[i].word)) return *(number *)into = words[i].value, 1;
    return 0;
}

static int read_capability(const char *text, void *into) {
    struct capability *cc = into;
    char rest;
    return sscanf(text, "%d.%d%c", &cc->major, &cc->minor, &rest) == 2;
}

static int read_pci(const char *text, void *into) {
    struct pci *pci = into;
    unsigned function;
    char rest;
    return sscanf(text, "%x:%x:%x.%x%c", &pci->domain, &pci->bus, &pci->device, &function, &rest) == 4 && !function;
}

static int read_four(const char *text, void *into) {
    struct four *four = into;
    unsigned *v = four->value;
    char rest;
    four->known = strcmp(text, "na") != 0;
    return !four->known || sscanf(text, "%u,%u,%u,%u%c", v, v + 1, v + 2, v + 3, &rest) == 4;
}

static int read_processes(const char *text, void *into) {
    struct process_list *list = into;
    char copy[256], *save = NULL;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return 0;
    list->count = 0;
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        struct process *process = &list->item[list->count];
        char *colon = strchr(word, ':'), *end;
        if (list->count++ == MAX_PROCESSES || !colon) return 0;
        process->pid = (unsigned)strtoul(word, &end, 10);
        if (end != colon || !read_number(trim(colon + 1), &process->mib)) return 0;
    }
    return 1;
}

static int read_peer(const char *text, void *into) { /* "switch" is -1, "gpu M" is M */
    unsigned peer;
    char rest;
    if (!strcmp(text, "switch")) return *(number *)into = -1, 1;
    if (sscanf(text, "gpu %u%c", &peer, &rest) != 1) return 0;
    return *(number *)into = peer, 1;
}

static int read_fabric(const char *text, void *into) { /* as NVML_GPU_FABRIC_STATE counts them */
    static const char *const words[] = {"unsupported", "not-started", "in-progress", "completed"};
    for (unsigned i = 0; i < COUNT(words); i++)
        if (!strcmp(text, words[i])) return *(number *)into = i, 1;
    return !strcmp(text, "na") && (*(number *)into = NA, 1);
}

struct key { const char *name; int (*read)(const char *text, void *into); size_t at; };

#define GPU(name, reader) {#name, reader, offsetof(struct gpu, name)}
#define MIG(name, reader) {#name, reader, offsetof(struct instance, name)}
#define SYS(name, reader) {#name, reader, offsetof(struct host, name)}

static const struct key gpu_keys[] = {
    GPU(name, read_text), GPU(uuid, read_text), GPU(pci, read_pci), GPU(cc, read_capability),
    GPU(memory_mib, read_number), GPU(used_mib, read_number), GPU(reserved_mib, read_number),
    GPU(pci_id, read_number), GPU(pcie_gen, read_number), GPU(pcie_width, read_number),
    GPU(pcie_max_gen, read_number), GPU(pcie_max_width, read_number),
    GPU(nvlinks, read_number), GPU(nvlink_peer, read_peer), GPU(mig, read_switch),
    GPU(ecc, read_switch), GPU(ecc_errors, read_number), GPU(remapped, read_four),
    GPU(ecc_sram, read_four), GPU(ecc_dram, read_four), GPU(clocks, read_four), GPU(vbios, read_text),
    GPU(recovery, read_number),
    GPU(processes, read_processes), GPU(power_limit_w, read_number), GPU(temperature, read_number),
    GPU(persistence, read_switch), GPU(compute_mode, read_number), GPU(throttle, read_number),
    GPU(virtualization, read_number), GPU(numa, read_number), GPU(minor, read_number),
    GPU(count, read_number), GPU(nvlinks_up, read_number), GPU(fabric_state, read_fabric),
    GPU(fabric_status, read_number), GPU(licensed, read_switch), GPU(bar1_mib, read_number), {0}};

static const struct key instance_keys[] = {
    MIG(profile, read_text), MIG(uuid, read_text), MIG(memory_mib, read_number),
    MIG(used_mib, read_number), MIG(gi, read_number), MIG(ci, read_number), {0}};

static const struct key host_keys[] = {
    SYS(driver, read_text), SYS(nvml, read_text), SYS(cuda, read_number), SYS(init, read_number), {0}};

static int set(const struct key *keys, void *object, const char *name, const char *value) {
    for (; keys->name; keys++)
        if (!strcmp(keys->name, name))
            return keys->read(value, (char *)object + keys->at) || fail("bad value: %s=%s", name, value);
    return fail("unknown key: %s", name);
}

static struct gpu *new_gpu(unsigned index) {
    struct gpu *g = &gpus[index];
    *g = (struct gpu){.index = (int)index, .pci = {0, 1 + index, 0}, .pci_id = 0x10DE, .nvlink_peer = -1,
        .minor = index, .count = 1, .temperature = 35, .memory_mib = NA, .pcie_gen = NA, .pcie_width = NA,
        .pcie_max_gen = NA, .pcie_max_width = NA, .nvlinks = NA, .mig = NA, .ecc = NA, .power_limit_w = NA, .numa = NA,
        .nvlinks_up = NA, .fabric_state = NA, .licensed = NA, .bar1_mib = NA, .recovery = NA,
        .ecc_sram.known = 1, .ecc_dram.known = 1};
    snprintf(g->uuid, TEXT, "GPU-00000000-fa6e-4000-8000-0000000000%02x", index);
    return g;
}

static struct instance *new_instance(unsigned gpu, unsigned index) {
    struct instance *m = &gpus[gpu].instances[index];
    if (m->present) return m;
    *m = (struct instance){.present = 1, .index = (int)index, .memory_mib = NA, .gi = 7 + index};
    snprintf(m->uuid, TEXT, "MIG-00000000-fa6e-4000-8000-00000000%02x%02x", gpu, index);
    return m;
}

/* Repeats the newest GPU as its key `count` says: next index and minor, next uuid, next bus. */
static int repeat(void) {
    struct gpu *first = gpu_count ? &gpus[gpu_count - 1] : NULL;
    number copies = first ? first->count : 1;
    if (copies < 1 || gpu_count + copies - 1 > MAX_GPUS) return fail("bad value: count=%lld", copies);
    for (number i = 1; i < copies; i++) {
        struct gpu *g = &gpus[gpu_count];
        size_t length = strlen(first->uuid);
        *g = *first;
        g->index = (int)gpu_count++;
        g->minor += first->minor == NA ? 0 : i;
        g->pci.bus += (unsigned)i;
        snprintf(g->uuid + (length < 2 ? 0 : length - 2), 3, "%02x", g->index);
        g->count = 1;
    }
    if (first) first->count = 1;
    return 1;
}

static int is_entry(const char *function) {
    for (const char **name = __start_entry_names; name < __stop_entry_names; name++)
        if (!strcmp(*name, function)) return 1;
    return 0;
}

static int read_fault(char *left, const char *right) { /* FUNCTION[@GPU[.INSTANCE]] = what */
    struct fault *f = &faults[fault_count];
    char *at = strchr(left, '@'), rest;
    if (fault_count == MAX_FAULTS) return fail("too many faults");
    *f = (struct fault){.gpu = -1, .instance = -1};
    if (at) {
        *at = 0;
        int fields = sscanf(at + 1, "%d.%d%c", &f->gpu, &f->instance, &rest);
        if (fields != 1 + (strchr(at + 1, '.') != NULL) || f->gpu < 0 || (fields == 2 && f->instance < 0))
            return fail("bad target: %s@%s", left, at + 1);
        if (strcmp(left, "*") && (strncmp(left, "nvmlDevice", 10) || !strcmp(left, "nvmlDeviceGetCount_v2")))
            return fail("%s takes no GPU", left);
    }
    if (strcmp(left, "*") && !is_entry(left)) return fail("unknown function: %s", left);
    strcpy(f->function, left);
    if (!strcmp(right, "hang")) f->action = HANG;
    else if (!strcmp(right, "crash")) f->action = CRASH;
    else if (!strcmp(right, "missing")) f->code = 13;
    else if (sscanf(right, "slow:%lf%c", &f->seconds, &rest) == 1) f->action = SLOW;
    else if (sscanf(right, "%d%c", &f->code, &rest) != 1 || f->code < 1) return fail("bad fault: %s=%s", left, right);
    fault_count++;
    return 1;
}

struct section { const struct key *keys; void *object; int faults; };

static int open_section(const char *title, struct section *section) {
    unsigned n, i;
    char rest;
    *section = (struct section){0};
    if (!repeat()) return 0;
    if (!strcmp(title, "system")) *section = (struct section){.keys = host_keys, .object = &host};
    else if (!strcmp(title, "fault")) section->faults = 1;
    else if (sscanf(title, "gpu %u%c", &n, &rest) == 1) {
        if (n > gpu_count || n >= MAX_GPUS) return fail("[gpu %u] leaves a gap", n);
        section->keys = gpu_keys; /* a number that exists already alters that GPU */
        section->object = n < gpu_count ? &gpus[n] : new_gpu(gpu_count++);
    } else if (sscanf(title, "mig %u.%u%c", &n, &i, &rest) == 2) {
        if (n >= gpu_count || i >= MAX_INSTANCES) return fail("[mig %u.%u] has no place", n, i);
        *section = (struct section){.keys = instance_keys, .object = new_instance(n, i)};
    } else return fail("unknown section: [%s]", title);
    return 1;
}

static int check_gpu(const struct gpu *g) {
    if (!*g->name) return fail("gpu %d has no name", g->index);
    if (g->count != 1) return fail("gpu %d: only a new GPU has a count", g->index);
    if (g->memory_mib != NA && g->memory_mib < g->used_mib + g->reserved_mib)
        return fail("gpu %d uses more memory than it has", g->index);
    if (g->nvlink_peer >= (number)gpu_count) return fail("gpu %d: no such nvlink_peer", g->index);
    if (g->nvlinks_up != NA && (g->nvlinks == NA || g->nvlinks_up > g->nvlinks))
        return fail("gpu %d has fewer nvlinks than are up", g->index);
    for (int other = 0; other < g->index; other++)
        if (!strcmp(gpus[other].uuid, g->uuid)) return fail("gpu %d and %d share a uuid", other, g->index);
    for (unsigned i = 0; i < MAX_INSTANCES; i++)
        if (g->instances[i].present && (g->mig != 1 || !*g->instances[i].profile))
            return fail("[mig %d.%u] needs a profile, and mig=on at its GPU", g->index, i);
    return 1;
}

static int read_scenario(FILE *file) {
    struct section section = {0};
    char line[512];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#")] = 0;
        char *text = trim(line), *equals = strchr(text, '='), *close = strchr(text, ']');
        if (!*text) continue;
        if (*text == '[') {
            if (!close || close[1]) return fail("bad section: %s", text);
            *close = 0;
            if (!open_section(text + 1, &section)) return 0;
            continue;
        }
        if (!equals) return fail("neither section nor key: %s", text);
        *equals = 0;
        char *name = trim(text), *value = trim(equals + 1);
        if (!section.faults && !section.keys) return fail("key outside a section: %s", name);
        if (!(section.faults ? read_fault(name, value) : set(section.keys, section.object, name, value))) return 0;
    }
    if (!repeat()) return 0;
    for (unsigned i = 0; i < gpu_count; i++)
        if (!check_gpu(&gpus[i])) return 0;
    for (unsigned i = 0; i < fault_count; i++)
        if (faults[i].gpu >= (int)gpu_count) return fail("fault on a GPU that is not there: %s", faults[i].function);
    return 1;
}

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("LLMCHECK_FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) fail("cannot read the scenario");
    else read_scenario(file), fclose(file);
}
