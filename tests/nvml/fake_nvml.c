/* A stand-in for NVIDIA's libnvidia-ml.so.1, for tests on machines without a GPU.
 *
 * It answers from the scenario that scenario.h has read; README.md describes the language.
 * A mistake in the scenario is printed, and makes initialisation fail with 999, so that
 * a typo never passes for a healthy machine.
 */
#define _GNU_SOURCE
#include "scenario.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6,
       INSUFFICIENT_SIZE = 7, VERSION_MISMATCH = 25, UNKNOWN = 999 };

#define MEMORY_V2 0x02000028u
#define TEMPERATURE_V1 0x0100000Cu
#define FABRIC_V2 0x02000024u
#define SWITCH_OF_A100 0x1AF110DE
#define SWITCH_OF_H100 0x22A310DE

static int initialised; /* a count: each init wants its shutdown */

/* ---- what every entry point does first ----------------------------------------------------- */

/* A GPU that fell off the bus still gives its handle and these answers. */
static int spared(const char *function) {
    static const char *const names[] = {"nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceGetIndex",
                                        "nvmlDeviceGetCudaComputeCapability"};
    for (unsigned i = 0; i < COUNT(names); i++)
        if (!strcmp(function, names[i])) return 1;
    return !strncmp(function, "nvmlDeviceGetHandleBy", 21);
}

/* 0: does not apply. The highest wins: a named function before *, one GPU before all. */
static int weight(const struct fault *f, const char *function, int gpu, int instance) {
    if (!strcmp(f->function, "*")) {
        int here = gpu >= 0 && (f->gpu < 0 || f->gpu == gpu) && (f->instance < 0 || f->instance == instance);
        return here && !spared(function) ? 1 + (f->gpu >= 0) : 0;
    }
    if (strcmp(f->function, function)) return 0;
    if (f->gpu < 0) return 3;
    return f->gpu == gpu && f->instance == instance ? 4 : 0;
}

static int apply_fault(const char *function, int gpu, int instance) {
    const struct fault *f = NULL;
    int best = 0;
    for (unsigned i = 0; i < fault_count; i++) {
        int w = weight(&faults[i], function, gpu, instance);
        if (w > best) best = w, f = &faults[i];
    }
    if (!f) return SUCCESS;
    if (f->action == HANG) for (;;) pause();
    if (f->action == CRASH) signal(SIGSEGV, SIG_DFL), raise(SIGSEGV);
    if (f->action == SLOW) {
        struct timespec left = {(time_t)f->seconds, (long)((f->seconds - (double)(time_t)f->seconds) * 1e9)};
        while (nanosleep(&left, &left) && errno == EINTR) {}
    }
    return f->code;
}

static int enter(const char *function, int gpu, int instance) {
    int code = apply_fault(function, gpu, instance);
    return code ? code : initialised ? SUCCESS : UNINITIALIZED;
}

/* A handle is the address of a gpu or of an instance in it; *m stays NULL for a whole GPU. */
static int enter_device(const char *function, void *handle, struct gpu **g, struct instance **m) {
    *g = NULL, *m = NULL;
    for (unsigned n = 0; n < gpu_count; n++) {
        if (handle == &gpus[n]) *g = &gpus[n];
        for (unsigned i = 0; i < MAX_INSTANCES; i++)
            if (handle == &gpus[n].instances[i]) *g = &gpus[n], *m = &gpus[n].instances[i];
    }
    int code = enter(function, *g ? (*g)->index : -1, *m ? (*m)->index : -1);
    return code ? code : *g ? SUCCESS : INVALID_ARGUMENT;
}

#define ALWAYS() int code = apply_fault(__func__, -1, -1); if (code) return code
#define ON_SYSTEM() int code = enter(__func__, -1, -1); if (code) return code
#define ON_ANY(handle) struct gpu *g; struct instance *m; \
    int code = enter_device(__func__, handle, &g, &m); if (code) return code
#define ON_GPU(handle) ON_ANY(handle); if (m) return NOT_SUPPORTED
#define ON_INSTANCE(handle, otherwise) ON_ANY(handle); if (!m) return otherwise

static int put(unsigned *out, number value) {
    return !out ? INVALID_ARGUMENT : value == NA ? NOT_SUPPORTED : (*out = (unsigned)value, SUCCESS);
}

static int put_text(char *out, unsigned size, const char *text) {
    if (!out) return INVALID_ARGUMENT;
    return strlen(text) >= size ? INSUFFICIENT_SIZE : (strcpy(out, text), SUCCESS);
}

#define GPU_NUMBER(f, value) ENTRY(f)(void *handle, unsigned *out) { ON_GPU(handle); return put(out, value); }
#define GPU_MODE(f, value) ENTRY(f)(void *handle, unsigned *current, unsigned *pending) { \
    ON_GPU(handle); return (code = put(current, value)) ? code : put(pending, value); }
#define GPU_NEVER(f) /* whatever else it is called with */ \
    ENTRY(f)(void *handle) { ON_GPU(handle); return NOT_SUPPORTED; }
#define INSTANCE_NUMBER(f, value) \
    ENTRY(f)(void *handle, unsigned *out) { ON_INSTANCE(handle, NOT_SUPPORTED); return put(out, value); }

/* ---- system -------------------------------------------------------------------------------- */

static int init(const char *function) {
    int code = apply_fault(function, -1, -1);
    const char *scenario = getenv("LLMCHECK_FAKE_NVML");
    if (*complaint) fprintf(stderr, "fake_nvml: %s: %s\n", scenario ? scenario : "LLMCHECK_FAKE_NVML unset", complaint);
    if (!code) code = *complaint ? UNKNOWN : (int)host.init;
    return code ? code : (initialised++, SUCCESS);
}

ENTRY(nvmlInit_v2)(void) { return init(__func__); }
ENTRY(nvmlInitWithFlags)(unsigned flags) { return (void)flags, init(__func__); }
ENTRY(nvmlShutdown)(void) { ON_SYSTEM(); return initialised--, SUCCESS; }
ENTRY(nvmlSystemGetDriverVersion)(char *out, unsigned size) { ON_SYSTEM(); return put_text(out, size, host.driver); }
ENTRY(nvmlSystemGetNVMLVersion)(char *out, unsigned size) { ALWAYS(); return put_text(out, size, host.nvml); }
ENTRY(nvmlSystemGetCudaDriverVersion)(unsigned *out) { ALWAYS(); return put(out, host.cuda); }
ENTRY(nvmlSystemGetCudaDriverVersion_v2)(unsigned *out) { ALWAYS(); return put(out, host.cuda); }
ENTRY(nvmlDeviceGetCount_v2)(unsigned *out) { ON_SYSTEM(); return put(out, gpu_count); }

const char *nvmlErrorString(int code) {
    static const char *const errors[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded",
        "Timeout", "Interrupt Request Problem", "NVML Shared Library Not Found", "Function Not Found",
        "Corrupted infoROM", "GPU is lost", "GPU requires reset", "GPU access blocked by the operating system",
        "Driver/library version mismatch", "In use by another client", "Insufficient Memory", "No data"};
    if (code == VERSION_MISMATCH) return "Argument version mismatch";
    return code >= 0 && code < (int)COUNT(errors) ? errors[code] : "Unknown Error";
}

/* ---- handles ------------------------------------------------------------------------------- */

ENTRY(nvmlDeviceGetHandleByIndex_v2)(unsigned index, void **out) {
    int code = enter(__func__, index < gpu_count ? (int)index : -1, -1);
    if (code) return code;
    return !out || index >= gpu_count ? INVALID_ARGUMENT : (*out = &gpus[index], SUCCESS);
}

ENTRY(nvmlDeviceGetHandleByUUID)(const char *uuid, void **out) {
    int gpu = -1, instance = -1;
    void *found = NULL;
    for (unsigned n = 0; uuid && n < gpu_count; n++) {
        if (!strcmp(uuid, gpus[n].uuid)) found = &gpus[n], gpu = (int)n;
        for (int i = 0; i < MAX_INSTANCES; i++)
            if (gpus[n].instances[i].present && !strcmp(uuid, gpus[n].instances[i].uuid))
                found = &gpus[n].instances[i], gpu = (int)n, instance = i;
    }
    int code = enter(__func__, gpu, instance);
    if (code) return code;
    return !out || !uuid ? INVALID_ARGUMENT : !found ? NOT_FOUND : (*out = found, SUCCESS);
}

ENTRY(nvmlDeviceGetHandleByPciBusId_v2)(const char *bus_id, void **out) {
    struct pci pci;
    int valid = out && bus_id && read_pci(bus_id, &pci), gpu = -1;
    for (unsigned n = 0; valid && n < gpu_count; n++)
        if (!memcmp(&pci, &gpus[n].pci, sizeof pci)) gpu = (int)n;
    int code = enter(__func__, gpu, -1);
    if (code) return code;
    return !valid ? INVALID_ARGUMENT : gpu < 0 ? NOT_FOUND : (*out = &gpus[gpu], SUCCESS);
}

/* ---- identity ------------------------------------------------------------------------------ */

ENTRY(nvmlDeviceGetName)(void *handle, char *out, unsigned size) {
    ON_ANY(handle);
    char text[2 * TEXT + 8];
    snprintf(text, sizeof text, "%s%s%s", g->name, m ? " MIG " : "", m ? m->profile : "");
    return put_text(out, size, text);
}

ENTRY(nvmlDeviceGetUUID)(void *handle, char *out, unsigned size) {
    ON_ANY(handle);
    return put_text(out, size, m ? m->uuid : g->uuid);
}

ENTRY(nvmlDeviceGetIndex)(void *handle, unsigned *out) { ON_ANY(handle); return put(out, m ? m->index : g->index); }

GPU_NUMBER(nvmlDeviceGetMinorNumber, g->minor)

ENTRY(nvmlDeviceGetSerial)(void *handle, char *out, unsigned size) {
    ON_GPU(handle);
    char text[32];
    snprintf(text, sizeof text, "16500000000%02d", g->index);
    return strstr(g->name, "GeForce") ? NOT_SUPPORTED : put_text(out, size, text);
}

static number brand(const char *name) {
    static const struct { const char *word; number brand; } words[] = {
        {"GeForce", 5}, {"Tesla", 2}, {"Quadro RTX", 12}, {"Quadro", 1}, {"TITAN", 6}, {"GRID", 9}, {"RTX", 13}};
    for (unsigned i = 0; i < COUNT(words); i++)
        if (strstr(name, words[i].word)) return words[i].brand;
    return 14; /* NVIDIA */
}
GPU_NUMBER(nvmlDeviceGetBrand, brand(g->name))

ENTRY(nvmlDeviceGetCudaComputeCapability)(void *handle, int *major, int *minor) {
    ON_ANY(handle);
    if (!major || !minor) return INVALID_ARGUMENT;
    *major = g->cc.major, *minor = g->cc.minor;
    return g->cc.major ? SUCCESS : NOT_SUPPORTED;
}

static number architecture(struct capability cc) {
    static const struct { int from; number architecture; } table[] = { /* from: 10 * major + minor */
        {130, 0xffffffff}, {100, 10}, {90, 9}, {89, 8}, {80, 7}, {75, 6}, {70, 5}, {60, 4}, {50, 3}, {30, 2}};
    for (unsigned i = 0; i < COUNT(table); i++)
        if (10 * cc.major + cc.minor >= table[i].from) return table[i].architecture;
    return 0xffffffff;
}
ENTRY(nvmlDeviceGetArchitecture)(void *handle, unsigned *out) { ON_ANY(handle); return put(out, architecture(g->cc)); }

/* ---- memory and processes ------------------------------------------------------------------ */

struct memory { bytes total, free, used; };
struct memory_v2 { unsigned version; bytes total, reserved, free, used; };

static int memory(const struct gpu *g, const struct instance *m, struct memory_v2 *out) {
    number total = m ? m->memory_mib : g->memory_mib;
    if (total == NA) return NOT_SUPPORTED;
    out->total = (bytes)total << 20;
    out->reserved = m ? 0 : (bytes)g->reserved_mib << 20;
    out->used = (bytes)(m ? m->used_mib : g->used_mib) << 20;
    out->free = out->total - out->reserved - out->used;
    return SUCCESS;
}

ENTRY(nvmlDeviceGetMemoryInfo)(void *handle, struct memory *out) { /* here, used includes reserved */
    ON_ANY(handle);
    struct memory_v2 v2;
    if (!out) return INVALID_ARGUMENT;
    if ((code = memory(g, m, &v2))) return code;
    *out = (struct memory){v2.total, v2.free, v2.used + v2.reserved};
    return SUCCESS;
}

ENTRY(nvmlDeviceGetMemoryInfo_v2)(void *handle, struct memory_v2 *out) {
    ON_ANY(handle);
    if (!out) return INVALID_ARGUMENT;
    return out->version == MEMORY_V2 ? memory(g, m, out) : VERSION_MISMATCH;
}

struct process_info { unsigned pid; bytes used; unsigned gi, ci; };

static int processes(const struct process_list *list, unsigned *count, struct process_info *out) {
    unsigned room = count ? *count : 0;
    if (!count) return INVALID_ARGUMENT;
    *count = list->count;
    if (room < list->count) return INSUFFICIENT_SIZE;
    if (list->count && !out) return INVALID_ARGUMENT;
    for (unsigned i = 0; i < list->count; i++) {
        const struct process *p = &list->item[i];
        out[i] = (struct process_info){p->pid, p->mib == NA ? ~0ull : (bytes)p->mib << 20, ~0u, ~0u};
    }
    return SUCCESS;
}

static const struct process_list nobody;

ENTRY(nvmlDeviceGetComputeRunningProcesses_v3)(void *handle, unsigned *count, struct process_info *out) {
    ON_ANY(handle);
    return processes(m ? &nobody : &g->processes, count, out);
}
ENTRY(nvmlDeviceGetGraphicsRunningProcesses_v3)(void *handle, unsigned *count, struct process_info *out) {
    ON_ANY(handle);
    return processes(&nobody, count, out);
}

ENTRY(nvmlDeviceGetUtilizationRates)(void *handle, unsigned out[2]) {
    ON_GPU(handle);
    if (!out) return INVALID_ARGUMENT;
    if (g->mig == 1) return NOT_SUPPORTED;
    out[0] = g->processes.count ? 90 : 0, out[1] = g->processes.count ? 50 : 0;
    return SUCCESS;
}

/* ---- PCIe, NVLink, topology ---------------------------------------------------------------- */

struct pci_info {
    char legacy_id[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

static int put_pci(struct pci_info *out, struct pci pci, number id) {
    if (!out) return INVALID_ARGUMENT;
    *out = (struct pci_info){.domain = pci.domain, .bus = pci.bus, .device = pci.device, .device_id = (unsigned)id};
    snprintf(out->legacy_id, sizeof out->legacy_id, "%04X:%02X:%02X.0",
             pci.domain & 0xffff, pci.bus & 0xff, pci.device & 0xff);
    snprintf(out->bus_id, sizeof out->bus_id, "%08X:%02X:%02X.0", pci.domain, pci.bus, pci.device);
    return SUCCESS;
}

ENTRY(nvmlDeviceGetPciInfo_v3)(void *handle, struct pci_info *out) {
    ON_GPU(handle);
    return put_pci(out, g->pci, g->pci_id);
}

GPU_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, g->pcie_gen)
GPU_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, g->pcie_width)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, g->pcie_max_gen)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, g->pcie_max_width)
GPU_NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, g->pcie_max_gen)

static int link_error(const struct gpu *g, unsigned link) {
    if (g->nvlinks == NA || g->mig == 1) return NOT_SUPPORTED;
    return link < (unsigned)g->nvlinks ? SUCCESS : INVALID_ARGUMENT;
}

ENTRY(nvmlDeviceGetNvLinkState)(void *handle, unsigned link, unsigned *out) {
    ON_GPU(handle);
    return (code = link_error(g, link)) ? code : put(out, g->nvlinks_up == NA || (number)link < g->nvlinks_up);
}

ENTRY(nvmlDeviceGetNvLinkRemoteDeviceType)(void *handle, unsigned link, unsigned *out) {
    ON_GPU(handle);
    return (code = link_error(g, link)) ? code : put(out, g->nvlink_peer < 0 ? 2 : 0);
}

ENTRY(nvmlDeviceGetNvLinkRemotePciInfo_v2)(void *handle, unsigned link, struct pci_info *out) {
    ON_GPU(handle);
    if ((code = link_error(g, link))) return code;
    const struct gpu *peer = g->nvlink_peer < 0 ? NULL : &gpus[g->nvlink_peer];
    if (peer) return put_pci(out, peer->pci, peer->pci_id);
    struct pci one_of_four = {0, 0xF0 + link % 4, 0};
    return put_pci(out, one_of_four, g->cc.major < 9 ? SWITCH_OF_A100 : SWITCH_OF_H100);
}

ENTRY(nvmlDeviceGetTopologyCommonAncestor)(void *one, void *two, unsigned *out) {
    struct gpu *h; /* up to four GPUs share a NUMA node; of more, each half has its own */
    struct instance *n;
    ON_GPU(one);
    if ((code = enter_device(__func__, two, &h, &n))) return code;
    int apart = gpu_count > 4 && (g->index < (int)gpu_count / 2) != (h->index < (int)gpu_count / 2);
    return n ? NOT_SUPPORTED : put(out, g == h ? 0 : apart ? 50 : 40);
}

GPU_NUMBER(nvmlDeviceGetNumaNodeId, g->numa)
GPU_NEVER(nvmlDeviceGetCpuAffinity)

/* nvml.h: nvmlGpuFabricState_t is an unsigned char, so three bytes of padding follow it. */
struct fabric_v2 { unsigned version; unsigned char cluster[16]; unsigned status, clique; unsigned char state; unsigned health; };

ENTRY(nvmlDeviceGetGpuFabricInfoV)(void *handle, struct fabric_v2 *out) {
    ON_GPU(handle);
    if (!out) return INVALID_ARGUMENT;
    if (out->version != FABRIC_V2) return VERSION_MISMATCH;
    if (g->fabric_state == NA) return NOT_SUPPORTED;
    out->status = (unsigned)g->fabric_status, out->state = (unsigned char)g->fabric_state;
    return SUCCESS;
}

struct bar1 { bytes total, free, used; };

ENTRY(nvmlDeviceGetBAR1MemoryInfo)(void *handle, struct bar1 *out) {
    ON_GPU(handle);
    if (!out) return INVALID_ARGUMENT;
    if (g->bar1_mib == NA) return NOT_SUPPORTED;
    *out = (struct bar1){(bytes)g->bar1_mib << 20, ((bytes)g->bar1_mib << 20) - (1 << 20), 1 << 20};
    return SUCCESS;
}

/* ---- MIG ----------------------------------------------------------------------------------- */

GPU_MODE(nvmlDeviceGetMigMode, g->mig)
GPU_NUMBER(nvmlDeviceGetMaxMigDeviceCount, g->mig == 1 ? MAX_INSTANCES : 0)

ENTRY(nvmlDeviceGetMigDeviceHandleByIndex)(void *handle, unsigned index, void **out) {
    ON_GPU(handle);
    if (g->mig == NA) return NOT_SUPPORTED;
    if (!out || index >= MAX_INSTANCES) return INVALID_ARGUMENT;
    return g->instances[index].present ? (*out = &g->instances[index], SUCCESS) : NOT_FOUND;
}

ENTRY(nvmlDeviceIsMigDeviceHandle)(void *handle, unsigned *out) { ON_ANY(handle); return put(out, m != NULL); }

ENTRY(nvmlDeviceGetDeviceHandleFromMigDeviceHandle)(void *handle, void **out) {
    ON_INSTANCE(handle, INVALID_ARGUMENT);
    return out ? (*out = g, SUCCESS) : INVALID_ARGUMENT;
}

INSTANCE_NUMBER(nvmlDeviceGetGpuInstanceId, m->gi)
INSTANCE_NUMBER(nvmlDeviceGetComputeInstanceId, m->ci)

struct attributes {
    unsigned multiprocessors, copy, decoders, encoders, jpeg, ofa, gpu_slices, compute_slices;
    bytes memory_mib;
};

ENTRY(nvmlDeviceGetAttributes_v2)(void *handle, struct attributes *out) {
    ON_INSTANCE(handle, NOT_SUPPORTED);
    unsigned compute = 0, slices = 0; /* "1g.10gb", or "1c.2g.20gb" where the compute instance is smaller */
    if (sscanf(m->profile, "%uc.%ug.", &compute, &slices) != 2) sscanf(m->profile, "%ug.", &slices), compute = slices;
    if (!out) return INVALID_ARGUMENT;
    if (m->memory_mib == NA) return NOT_SUPPORTED;
    *out = (struct attributes){.multiprocessors = 14 * compute, .copy = slices, .gpu_slices = slices,
                               .compute_slices = compute, .memory_mib = (bytes)m->memory_mib};
    return SUCCESS;
}

/* ---- health, power, modes ------------------------------------------------------------------ */

GPU_MODE(nvmlDeviceGetEccMode, g->ecc)

ENTRY(nvmlDeviceGetTotalEccErrors)(void *handle, unsigned type, unsigned counter, bytes *out) {
    ON_GPU(handle);
    if (!out || type > 1 || counter > 1) return INVALID_ARGUMENT;
    if (g->ecc != 1 || g->ecc_errors == NA) return NOT_SUPPORTED;
    return *out = type == 1 ? (bytes)g->ecc_errors : 0, SUCCESS; /* type 1: uncorrected */
}

enum { DRAM = 2, SRAM = 7 };

ENTRY(nvmlDeviceGetMemoryErrorCounter)
(void *handle, unsigned type, unsigned counter, unsigned location, bytes *out) {
    ON_GPU(handle);
    if (!out || type > 1 || counter > 1) return INVALID_ARGUMENT;
    const struct four *errors = location == SRAM ? &g->ecc_sram : location == DRAM ? &g->ecc_dram : NULL;
    if (!errors || g->ecc != 1 || !errors->known) return NOT_SUPPORTED;
    return *out = errors->value[2 * counter + type], SUCCESS;
}

ENTRY(nvmlDeviceGetRemappedRows)
(void *handle, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    ON_GPU(handle);
    unsigned *out[] = {corrected, uncorrected, pending, failed};
    if (!g->remapped.known) return NOT_SUPPORTED;
    for (unsigned i = 0; i < COUNT(out); i++)
        if ((code = put(out[i], g->remapped.value[i]))) return code;
    return SUCCESS;
}

GPU_NEVER(nvmlDeviceGetRetiredPages_v2)

struct expiry { unsigned year; unsigned short month, day, hour, minute, second; unsigned char status; };
struct feature { unsigned code, state; char information[128], product[128]; unsigned enabled; struct expiry expiry; };
struct features { int supported; unsigned count; struct feature feature[3]; };

ENTRY(nvmlDeviceGetGridLicensableFeatures_v4)(void *handle, struct features *out) {
    ON_GPU(handle);
    if (!out) return INVALID_ARGUMENT;
    memset(out, 0, sizeof *out);
    if (g->licensed == NA) return SUCCESS; /* a card that needs no licence has none to report */
    out->supported = 1, out->count = 1;
    out->feature[0] = (struct feature){.code = 4, .state = g->licensed == 1, .enabled = 1};
    return SUCCESS;
}

/* nvml.h: nvmlFieldValue_t, and the one field that is known here. */
enum { RECOVERY_ACTION = 230, UNSIGNED_INT = 1 };
struct field { unsigned id, scope; number time, latency; unsigned type, code; union { double d; unsigned u; bytes b; } value; };

ENTRY(nvmlDeviceGetFieldValues)(void *handle, int count, struct field *values) {
    ON_GPU(handle);
    if (!values || count < 1) return INVALID_ARGUMENT;
    for (int i = 0; i < count; i++) {
        int known = values[i].id == RECOVERY_ACTION && g->recovery != NA;
        values[i].code = known ? SUCCESS : NOT_SUPPORTED, values[i].type = UNSIGNED_INT;
        values[i].value.u = known ? (unsigned)g->recovery : 0;
    }
    return SUCCESS;
}

enum { GRAPHICS = 0, MEMORY = 2 };

static int put_clock(const struct gpu *g, unsigned which, unsigned at, unsigned *out) {
    if (which != GRAPHICS && which != MEMORY) return NOT_SUPPORTED;
    return g->clocks.known ? put(out, g->clocks.value[which + at]) : NOT_SUPPORTED;
}

ENTRY(nvmlDeviceGetApplicationsClock)(void *handle, unsigned which, unsigned *out) {
    ON_GPU(handle);
    return put_clock(g, which, 0, out);
}
ENTRY(nvmlDeviceGetMaxClockInfo)(void *handle, unsigned which, unsigned *out) {
    ON_GPU(handle);
    return put_clock(g, which, 1, out);
}

ENTRY(nvmlDeviceGetVbiosVersion)(void *handle, char *out, unsigned size) {
    ON_GPU(handle);
    return *g->vbios ? put_text(out, size, g->vbios) : NOT_SUPPORTED;
}

static number milliwatts(number watts, int percent) { return watts == NA ? NA : watts * 10 * percent; }

GPU_NUMBER(nvmlDeviceGetPersistenceMode, g->persistence)
GPU_NUMBER(nvmlDeviceGetComputeMode, g->compute_mode)
GPU_NUMBER(nvmlDeviceGetVirtualizationMode, g->virtualization)
GPU_NUMBER(nvmlDeviceGetPowerManagementLimit, milliwatts(g->power_limit_w, 100))
GPU_NUMBER(nvmlDeviceGetEnforcedPowerLimit, milliwatts(g->power_limit_w, 100))
GPU_NUMBER(nvmlDeviceGetPowerUsage, milliwatts(g->power_limit_w, g->processes.count ? 80 : 15))

ENTRY(nvmlDeviceGetTemperature)(void *handle, unsigned sensor, unsigned *out) {
    ON_GPU(handle);
    return sensor ? INVALID_ARGUMENT : put(out, g->temperature);
}

struct temperature { unsigned version, sensor, value; };

ENTRY(nvmlDeviceGetTemperatureV)(void *handle, struct temperature *out) {
    ON_GPU(handle);
    if (!out) return INVALID_ARGUMENT;
    if (out->version != TEMPERATURE_V1) return VERSION_MISMATCH;
    return out->sensor ? INVALID_ARGUMENT : put(&out->value, g->temperature);
}

static int reasons(const struct gpu *g, bytes *out) {
    return !out ? INVALID_ARGUMENT : g->throttle == NA ? NOT_SUPPORTED : (*out = (bytes)g->throttle, SUCCESS);
}
ENTRY(nvmlDeviceGetCurrentClocksEventReasons)(void *handle, bytes *out) { ON_GPU(handle); return reasons(g, out); }
ENTRY(nvmlDeviceGetCurrentClocksThrottleReasons)(void *handle, bytes *out) { ON_GPU(handle); return reasons(g, out); }
