// A vssapi.dll for tests, made from the public headers: the module's requester calls it under Wine as it would call Windows' own. It
// keeps the documented rules, is told by a file what to answer, writes every call into a log, and counts what is given out and given back:
// references, strings (BSTR), snapshot properties, component infos. The file is named by IMAGEBACKUP_TEST_VSS; README.md has its lines.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <aclapi.h>
#include <ole2.h>
#include <vss.h>
#include <vswriter.h>
#include <vsbackup.h>
#include <cstdio>
#include <cwchar>
#include <map>
#include <set>
#include <string>
#include <vector>

#define BAD_STATE ((HRESULT)0x80042301)
#define NOT_FOUND ((HRESULT)0x80042308)
#define PENDING ((HRESULT)0x00042309)
#define FINISHED ((HRESULT)0x0004230A)
#define CANCELLED ((HRESULT)0x0004230B)
#define IN_PROGRESS ((HRESULT)0x80042316)

namespace {

struct File { std::wstring path; bool recursive; };
struct Component { int type; std::wstring logical, name, caption; bool selectable; std::vector<File> files, databases, logs; };
struct Writer { std::wstring name; GUID id, instance; std::vector<Component> components; };
struct Volume { std::wstring root, source, copy, device; };
struct Rule { std::wstring call, kind; int nth; long value; };
struct Status { std::wstring writer; int nth; int state; HRESULT failure; };

std::vector<Writer> writers;
std::vector<Volume> volumes;
std::vector<Rule> rules;
std::vector<Status> statuses;
std::set<std::wstring> silent;
std::map<std::wstring, int> calls;
std::wstring script;
CRITICAL_SECTION gate;
long objects, strings, properties, infos;
std::set<BSTR> ours;

void Log(const wchar_t *format, ...) {
    wchar_t line[4096];
    va_list arguments;
    va_start(arguments, format);
    _vsnwprintf(line, 4095, format, arguments);
    line[4095] = 0;
    va_end(arguments);
    EnterCriticalSection(&gate);
    FILE *file = _wfopen((script + L".log").c_str(), L"ab");
    if (file) {
        fprintf(file, "%ls\n", line);
        fclose(file);
    }
    LeaveCriticalSection(&gate);
}

std::wstring Text(const GUID &id) {
    wchar_t text[64];
    StringFromGUID2(id, text, 64);
    return text;
}

std::vector<std::wstring> Fields(const std::wstring &text) {
    std::vector<std::wstring> fields;
    size_t at = 0;
    for (size_t bar; (bar = text.find(L'|', at)) != std::wstring::npos; at = bar + 1)
        fields.push_back(text.substr(at, bar - at));
    fields.push_back(text.substr(at));
    fields.resize(8);
    return fields;
}

long Number(const std::wstring &text) { return (long)wcstoul(text.c_str(), nullptr, 0); }

GUID Id(const std::wstring &text) {
    GUID id = {};
    CLSIDFromString((L"{" + text + L"}").c_str(), &id);
    return id;
}

void Load() {
    wchar_t name[MAX_PATH] = L"";
    GetEnvironmentVariableW(L"IMAGEBACKUP_TEST_VSS", name, MAX_PATH);
    script = name;
    FILE *file = _wfopen(name, L"rb");
    if (!file)
        return;
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        wchar_t wide[4096];
        MultiByteToWideChar(CP_UTF8, 0, line, -1, wide, 4096);
        std::wstring text = wide;
        while (!text.empty() && (text.back() == L'\n' || text.back() == L'\r'))
            text.pop_back();
        size_t space = text.find(L' ');
        std::wstring verb = text.substr(0, space);
        std::vector<std::wstring> f = Fields(space == std::wstring::npos ? L"" : text.substr(space + 1));
        if (verb == L"volume") volumes.push_back({f[0], f[1], f[2], f[3]});
        else if (verb == L"writer") writers.push_back({f[0], Id(f[1]), Id(f[2]), {}});
        else if (verb == L"component") writers.back().components.push_back({(int)Number(f[0]), f[1], f[2], f[3], f[4] == L"1", {}, {}, {}});
        else if (verb == L"file") writers.back().components.back().files.push_back({f[0], f[1] == L"1"});
        else if (verb == L"database") writers.back().components.back().databases.push_back({f[0], f[1] == L"1"});
        else if (verb == L"dblog") writers.back().components.back().logs.push_back({f[0], f[1] == L"1"});
        else if (verb == L"status") statuses.push_back({f[0], (int)Number(f[1]), (int)Number(f[2]), (HRESULT)Number(f[3])});
        else if (verb == L"silent") silent.insert(f[0]);
        // fail, asyncfail: an HRESULT; delay, asyncdelay: milliseconds; hang: never ends; stubborn: nor when it is cancelled.
        else rules.push_back({f[0], verb, (int)Number(f[1]), Number(f[2])});
    }
    fclose(file);
}

const Rule *Find(const wchar_t *kind, const std::wstring &call) {
    for (const Rule &rule : rules)
        if (rule.kind == kind && rule.call == call && (rule.nth == 0 || rule.nth == calls[call]))
            return &rule;
    return nullptr;
}

// Every call begins here: it is logged and counted, waits as it is told, and gives the HRESULT that it must fail with, or S_OK.
HRESULT Begin(const wchar_t *call, const std::wstring &arguments = L"") {
    calls[call]++;
    Log(arguments.empty() ? L"%ls" : L"%ls %ls", call, arguments.c_str());
    if (const Rule *rule = Find(L"delay", call))
        Sleep(rule->value);
    const Rule *rule = Find(L"fail", call);
    return rule ? (HRESULT)rule->value : S_OK;
}

BSTR Give(const std::wstring &text) {
    BSTR made = SysAllocStringLen(text.c_str(), (UINT)text.size());
    EnterCriticalSection(&gate);
    ours.insert(made);
    strings++;
    LeaveCriticalSection(&gate);
    return made;
}

// In place of oleaut32's: strings that are not ours stay where they are.
void WINAPI Take(BSTR text) {
    if (!text)
        return;
    EnterCriticalSection(&gate);
    if (ours.erase(text))
        strings--;
    else
        Log(L"SysFreeString of a string that is not, or no longer, ours");
    LeaveCriticalSection(&gate);
}

// Wine says of every directory that it belongs to the user, whoever it was given to when it was made; the module trusts administrators only.
// A question about more than the owner is answered truly.
DWORD WINAPI Owner(LPCWSTR name, SE_OBJECT_TYPE type, SECURITY_INFORMATION asked, PSID *owner, PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *descriptor) {
    if (asked != OWNER_SECURITY_INFORMATION) {
        HANDLE file = CreateFileW(name, READ_CONTROL, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
        if (file == INVALID_HANDLE_VALUE)
            return GetLastError();
        DWORD error = GetSecurityInfo(file, type, asked, owner, group, dacl, sacl, descriptor);
        CloseHandle(file);
        return error;
    }
    static unsigned char sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, sid, &size);
    *owner = sid;
    *descriptor = nullptr;
    return ERROR_SUCCESS;
}

void Replace(const wchar_t *library, const char *function, void *target) {
    unsigned char *code = (unsigned char *)GetProcAddress(LoadLibraryW(library), function);
    unsigned char jump[12] = {0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xE0};
    memcpy(jump + 2, &target, 8);
    DWORD old;
    VirtualProtect(code, sizeof jump, PAGE_EXECUTE_READWRITE, &old);
    memcpy(code, jump, sizeof jump);
    VirtualProtect(code, sizeof jump, old, &old);
    FlushInstructionCache(GetCurrentProcess(), code, sizeof jump);
}

template <class T> struct Counted : T {
    LONG references = 1;
    Counted() { InterlockedIncrement(&objects); }
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID, void **made) override {
        *made = nullptr;
        return E_NOINTERFACE;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return InterlockedIncrement(&references); }
    ULONG STDMETHODCALLTYPE Release() override {
        LONG left = InterlockedDecrement(&references);
        if (left < 0)
            Log(L"Release of an object that is gone");
        if (left == 0) {
            InterlockedDecrement(&objects);
            Gone();
        }
        // The memory stays, so that a second Release is seen.
        return left < 0 ? 0 : left;
    }
    virtual void Gone() {}
};

struct Async : Counted<IVssAsync> {
    std::wstring call;
    ULONGLONG end;
    HRESULT result;
    bool stubborn;
    explicit Async(const wchar_t *name) : call(name), end(GetTickCount64()), result(FINISHED), stubborn(Find(L"stubborn", name) != nullptr) {
        if (const Rule *rule = Find(L"asyncdelay", name))
            end += rule->value;
        if (const Rule *rule = Find(L"asyncfail", name))
            result = (HRESULT)rule->value;
        if (stubborn || Find(L"hang", name))
            end = ~0ULL;
    }
    HRESULT STDMETHODCALLTYPE Cancel() override {
        Log(L"Cancel %ls", call.c_str());
        if (!stubborn) {
            end = 0;
            result = CANCELLED;
        }
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Wait(DWORD) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE QueryStatus(HRESULT *answer, INT *reserved) override {
        if (reserved)
            *reserved = 0;
        *answer = GetTickCount64() < end ? PENDING : result;
        return S_OK;
    }
};

struct Filedesc : Counted<IVssWMFiledesc> {
    const File &file;
    explicit Filedesc(const File &f) : file(f) {}
    HRESULT STDMETHODCALLTYPE GetPath(BSTR *path) override { *path = Give(file.path); return S_OK; }
    HRESULT STDMETHODCALLTYPE GetFilespec(BSTR *spec) override { *spec = Give(L"*"); return S_OK; }
    HRESULT STDMETHODCALLTYPE GetRecursive(boolean *recursive) override { *recursive = file.recursive; return S_OK; }
    HRESULT STDMETHODCALLTYPE GetAlternateLocation(BSTR *) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetBackupTypeMask(DWORD *) override { return E_NOTIMPL; }
};

struct WMComponent : Counted<IVssWMComponent> {
    const Component &component;
    explicit WMComponent(const Component &c) : component(c) {}
    HRESULT STDMETHODCALLTYPE GetComponentInfo(PVSSCOMPONENTINFO *made) override {
        VSS_COMPONENTINFO *info = new VSS_COMPONENTINFO();
        info->type = (VSS_COMPONENT_TYPE)component.type;
        info->bstrLogicalPath = component.logical.empty() ? nullptr : SysAllocString(component.logical.c_str());
        info->bstrComponentName = SysAllocString(component.name.c_str());
        info->bstrCaption = component.caption.empty() ? nullptr : SysAllocString(component.caption.c_str());
        info->bRestoreMetadata = 1;
        info->bNotifyOnBackupComplete = 0;
        info->bSelectable = component.selectable;
        info->bSelectableForRestore = 0;
        info->dwComponentFlags = 0x5A5A5A5A;
        info->cFileCount = (UINT)component.files.size();
        info->cDatabases = (UINT)component.databases.size();
        info->cLogFiles = (UINT)component.logs.size();
        info->cDependencies = 77;
        InterlockedIncrement(&infos);
        *made = info;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE FreeComponentInfo(PVSSCOMPONENTINFO info) override {
        if (info)
            InterlockedDecrement(&infos);
        return S_OK;
    }
    static HRESULT Get(const std::vector<File> &files, UINT i, IVssWMFiledesc **made) {
        if (i >= files.size())
            return E_INVALIDARG;
        *made = new Filedesc(files[i]);
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetFile(UINT i, IVssWMFiledesc **made) override { return Get(component.files, i, made); }
    HRESULT STDMETHODCALLTYPE GetDatabaseFile(UINT i, IVssWMFiledesc **made) override { return Get(component.databases, i, made); }
    HRESULT STDMETHODCALLTYPE GetDatabaseLogFile(UINT i, IVssWMFiledesc **made) override { return Get(component.logs, i, made); }
    HRESULT STDMETHODCALLTYPE GetDependency(UINT, IVssWMDependency **) override { return E_NOTIMPL; }
};

struct Examine : Counted<IVssExamineWriterMetadata> {
    const Writer &writer;
    explicit Examine(const Writer &w) : writer(w) {}
    HRESULT STDMETHODCALLTYPE GetIdentity(VSS_ID *instance, VSS_ID *id, BSTR *name, VSS_USAGE_TYPE *usage, VSS_SOURCE_TYPE *source) override {
        if (HRESULT failed = Begin(L"GetIdentity"))
            return failed;
        *instance = writer.instance;
        *id = writer.id;
        *name = Give(writer.name);
        *usage = VSS_UT_BOOTABLESYSTEMSTATE;
        *source = VSS_ST_TRANSACTEDDB;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetFileCounts(UINT *included, UINT *excluded, UINT *components) override {
        if (HRESULT failed = Begin(L"GetFileCounts"))
            return failed;
        *included = 11;
        *excluded = 12;
        *components = (UINT)writer.components.size();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetIncludeFile(UINT, IVssWMFiledesc **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetExcludeFile(UINT, IVssWMFiledesc **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetComponent(UINT i, IVssWMComponent **made) override {
        if (HRESULT failed = Begin(L"GetComponent"))
            return failed;
        *made = new WMComponent(writer.components.at(i));
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetRestoreMethod(VSS_RESTOREMETHOD_ENUM *, BSTR *, BSTR *, VSS_WRITERRESTORE_ENUM *, boolean *, UINT *) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetAlternateLocationMapping(UINT, IVssWMFiledesc **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetBackupSchema(DWORD *) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetDocument(IXMLDOMDocument **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SaveAsXML(BSTR *xml) override {
        *xml = Give(L"<WRITER_METADATA name=\"" + writer.name + L"\"/>");
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE LoadFromXML(BSTR) override { return E_NOTIMPL; }
};

// A file that is there while a set is (in progress, or made), and goes with the process whatever becomes of it, as VSS' own do.
HANDLE Mark(const std::wstring &name) {
    return CreateFileW((script + L"." + name).c_str(), GENERIC_WRITE | DELETE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, nullptr);
}

void Unmark(HANDLE &mark) {
    if (mark != INVALID_HANDLE_VALUE)
        CloseHandle(mark);
    mark = INVALID_HANDLE_VALUE;
}

bool Copy(const Volume &volume) {
    HANDLE from = CreateFileW(volume.source.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
    HANDLE to = CreateFileW(volume.copy.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
    if (from == INVALID_HANDLE_VALUE || to == INVALID_HANDLE_VALUE) {
        Log(L"a copy of %ls cannot be made", volume.root.c_str());
        return false;
    }
    static char buffer[1 << 20];
    DWORD got, put;
    while (ReadFile(from, buffer, sizeof buffer, &got, nullptr) && got)
        WriteFile(to, buffer, got, &put, nullptr);
    FlushFileBuffers(to);
    CloseHandle(from);
    CloseHandle(to);
    return true;
}

struct Backup : Counted<IVssBackupComponents> {
    enum State { Made, Initialized, Gathered, Started, Prepared, Done, Completed, Aborted } state = Made;
    LONG context = 0;
    int gathered = 0;
    bool statusGathered = false, aborted = false, completed = false;
    GUID set = {};
    std::vector<std::pair<GUID, const Volume *>> copies;
    HANDLE progress = INVALID_HANDLE_VALUE, exists = INVALID_HANDLE_VALUE;

    void Gone() override {
        // The set of a context that is not persistent goes with the object.
        Unmark(progress);
        Unmark(exists);
        Log(L"gone: %ld objects, %ld strings, %ld properties, %ld infos", objects, strings, properties, infos);
    }
    HRESULT Step(const wchar_t *call, IVssAsync **made) {
        Async *step = new Async(call);
        *made = step;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetWriterComponentsCount(UINT *) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetWriterComponents(UINT, IVssWriterComponentsExt **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE InitializeForBackup(BSTR xml) override {
        if (HRESULT failed = Begin(L"InitializeForBackup", xml ? L"with a document" : L""))
            return failed;
        if (state != Made)
            return BAD_STATE;
        state = Initialized;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SetBackupState(boolean select, boolean bootable, VSS_BACKUP_TYPE type, boolean partial) override {
        wchar_t text[64];
        _snwprintf(text, 64, L"%d %d %d %d", select, bootable, type, partial);
        if (HRESULT failed = Begin(L"SetBackupState", text))
            return failed;
        return state == Initialized ? S_OK : BAD_STATE;
    }
    HRESULT STDMETHODCALLTYPE InitializeForRestore(BSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetRestoreState(VSS_RESTORE_TYPE) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GatherWriterMetadata(IVssAsync **made) override {
        if (HRESULT failed = Begin(L"GatherWriterMetadata"))
            return failed;
        if (state != Initialized)
            return BAD_STATE;
        state = Gathered;
        return Step(L"GatherWriterMetadata", made);
    }
    HRESULT STDMETHODCALLTYPE GetWriterMetadataCount(UINT *count) override {
        if (HRESULT failed = Begin(L"GetWriterMetadataCount"))
            return failed;
        *count = (UINT)writers.size();
        return state == Gathered ? S_OK : BAD_STATE;
    }
    HRESULT STDMETHODCALLTYPE GetWriterMetadata(UINT i, VSS_ID *instance, IVssExamineWriterMetadata **made) override {
        if (HRESULT failed = Begin(L"GetWriterMetadata"))
            return failed;
        *instance = writers.at(i).instance;
        *made = new Examine(writers.at(i));
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE FreeWriterMetadata() override { return Begin(L"FreeWriterMetadata"); }
    HRESULT STDMETHODCALLTYPE AddComponent(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name) override {
        if (HRESULT failed = Begin(L"AddComponent", Named(instance, writer, type, path, name)))
            return failed;
        return state == Started ? S_OK : BAD_STATE;
    }
    static std::wstring Named(const GUID &instance, const GUID &id, int type, LPCWSTR path, LPCWSTR name) {
        for (const Writer &writer : writers)
            if (IsEqualGUID(writer.instance, instance) && IsEqualGUID(writer.id, id))
                return writer.name + L": " + std::to_wstring(type) + L" " + (path ? path : L"") + L"|" + name;
        return L"of an unknown writer";
    }
    HRESULT STDMETHODCALLTYPE PrepareForBackup(IVssAsync **made) override {
        if (HRESULT failed = Begin(L"PrepareForBackup"))
            return failed;
        if (state != Started || copies.empty())
            return BAD_STATE;
        state = Prepared;
        return Step(L"PrepareForBackup", made);
    }
    HRESULT STDMETHODCALLTYPE AbortBackup() override {
        if (HRESULT failed = Begin(L"AbortBackup"))
            return failed;
        Unmark(progress);
        aborted = true;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GatherWriterStatus(IVssAsync **made) override {
        if (HRESULT failed = Begin(L"GatherWriterStatus"))
            return failed;
        gathered++;
        statusGathered = true;
        return Step(L"GatherWriterStatus", made);
    }
    std::vector<const Writer *> Telling() {
        std::vector<const Writer *> telling;
        for (const Writer &writer : writers)
            if (!silent.count(writer.name))
                telling.push_back(&writer);
        return telling;
    }
    HRESULT STDMETHODCALLTYPE GetWriterStatusCount(UINT *count) override {
        if (HRESULT failed = Begin(L"GetWriterStatusCount"))
            return failed;
        *count = (UINT)Telling().size();
        return statusGathered ? S_OK : BAD_STATE;
    }
    HRESULT STDMETHODCALLTYPE FreeWriterStatus() override {
        statusGathered = false;
        return Begin(L"FreeWriterStatus");
    }
    HRESULT STDMETHODCALLTYPE GetWriterStatus(UINT i, VSS_ID *instance, VSS_ID *id, BSTR *name, VSS_WRITER_STATE *state, HRESULT *failure) override {
        if (HRESULT failed = Begin(L"GetWriterStatus"))
            return failed;
        const Writer &writer = *Telling().at(i);
        *instance = writer.instance;
        *id = writer.id;
        *name = Give(writer.name);
        *state = VSS_WS_STABLE;
        *failure = S_OK;
        for (const Status &status : statuses) {
            if (status.writer == writer.name && (status.nth == 0 || status.nth == calls[L"GatherWriterStatus"])) {
                *state = (VSS_WRITER_STATE)status.state;
                *failure = status.failure;
            }
        }
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SetBackupSucceeded(VSS_ID instance, VSS_ID writer, VSS_COMPONENT_TYPE type, LPCWSTR path, LPCWSTR name, boolean succeeded) override {
        return Begin(L"SetBackupSucceeded", Named(instance, writer, type, path, name) + (succeeded ? L" yes" : L" no"));
    }
    HRESULT STDMETHODCALLTYPE SetBackupOptions(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetSelectedForRestore(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, boolean) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetRestoreOptions(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetAdditionalRestores(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, boolean) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetPreviousBackupStamp(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SaveAsXML(BSTR *xml) override {
        if (HRESULT failed = Begin(L"SaveAsXML"))
            return failed;
        *xml = Give(L"<BACKUP_COMPONENTS writers=\"\u00e9\"/>");
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE BackupComplete(IVssAsync **made) override {
        if (HRESULT failed = Begin(L"BackupComplete"))
            return failed;
        if (state != Done || aborted)
            return BAD_STATE;
        completed = true;
        return Step(L"BackupComplete", made);
    }
    HRESULT STDMETHODCALLTYPE AddAlternativeLocationMapping(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE AddRestoreSubcomponent(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetFileRestoreStatus(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, VSS_FILE_RESTORE_STATUS) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE AddNewTarget(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, LPCWSTR, LPCWSTR, boolean, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetRangesFilePath(VSS_ID, VSS_COMPONENT_TYPE, LPCWSTR, LPCWSTR, UINT, LPCWSTR) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE PreRestore(IVssAsync **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE PostRestore(IVssAsync **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE SetContext(LONG value) override {
        wchar_t text[32];
        _snwprintf(text, 32, L"0x%lx", value);
        if (HRESULT failed = Begin(L"SetContext", text))
            return failed;
        context = value;
        return state == Initialized ? S_OK : BAD_STATE;
    }
    HRESULT STDMETHODCALLTYPE StartSnapshotSet(VSS_ID *made) override {
        if (HRESULT failed = Begin(L"StartSnapshotSet"))
            return failed;
        if (state != Gathered && !(state == Initialized && (context & 0x10)))
            return BAD_STATE;
        progress = Mark(L"progress");
        if (progress == INVALID_HANDLE_VALUE)
            return IN_PROGRESS;
        CoCreateGuid(&set);
        *made = set;
        state = Started;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE AddToSnapshotSet(VSS_PWSZ name, VSS_ID provider, VSS_ID *made) override {
        if (HRESULT failed = Begin(L"AddToSnapshotSet", IsEqualGUID(provider, GUID{}) ? L"" : L"with a provider"))
            return failed;
        if (state != Started)
            return BAD_STATE;
        const Volume *volume = Named(name);
        if (!volume)
            return NOT_FOUND;
        GUID id;
        CoCreateGuid(&id);
        copies.push_back({id, volume});
        *made = id;
        return S_OK;
    }
    static const Volume *Named(const wchar_t *name) {
        wchar_t paths[1024] = L"";
        DWORD length;
        std::wstring text = name;
        if (GetVolumePathNamesForVolumeNameW(name, paths, 1024, &length) && paths[0])
            text = paths;
        for (const Volume &volume : volumes)
            if (!_wcsicmp(volume.root.c_str(), text.c_str()))
                return &volume;
        Log(L"no volume %ls (%ls)", name, text.c_str());
        return nullptr;
    }
    HRESULT STDMETHODCALLTYPE DoSnapshotSet(IVssAsync **made) override {
        if (HRESULT failed = Begin(L"DoSnapshotSet"))
            return failed;
        if (state != Prepared)
            return BAD_STATE;
        for (auto &copy : copies)
            if (!Copy(*copy.second))
                return E_FAIL;
        Unmark(progress);
        exists = Mark(L"set");
        state = Done;
        return Step(L"DoSnapshotSet", made);
    }
    HRESULT STDMETHODCALLTYPE DeleteSnapshots(VSS_ID id, VSS_OBJECT_TYPE type, WINBOOL force, LONG *deleted, VSS_ID *undeleted) override {
        wchar_t text[64];
        _snwprintf(text, 64, L"%d %d", type, force);
        if (HRESULT failed = Begin(L"DeleteSnapshots", text))
            return failed;
        *deleted = 0;
        *undeleted = id;
        if (type != VSS_OBJECT_SNAPSHOT_SET || !IsEqualGUID(id, set) || exists == INVALID_HANDLE_VALUE)
            return NOT_FOUND;
        Unmark(exists);
        *deleted = (LONG)copies.size();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE ImportSnapshots(IVssAsync **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE BreakSnapshotSet(VSS_ID) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE GetSnapshotProperties(VSS_ID id, VSS_SNAPSHOT_PROP *made) override {
        if (HRESULT failed = Begin(L"GetSnapshotProperties"))
            return failed;
        for (auto &copy : copies) {
            if (!IsEqualGUID(copy.first, id) || exists == INVALID_HANDLE_VALUE)
                continue;
            memset(made, 0, sizeof *made);
            made->m_SnapshotId = id;
            made->m_SnapshotSetId = set;
            made->m_lSnapshotsCount = (LONG)copies.size();
            made->m_pwszSnapshotDeviceObject = _wcsdup(copy.second->device.c_str());
            made->m_pwszOriginalVolumeName = _wcsdup(L"original");
            made->m_pwszOriginatingMachine = _wcsdup(L"machine");
            made->m_pwszServiceMachine = _wcsdup(L"service");
            made->m_lSnapshotAttributes = 0x20000;
            FILETIME now;
            GetSystemTimeAsFileTime(&now);
            made->m_tsCreationTimestamp = ((LONGLONG)now.dwHighDateTime << 32) | now.dwLowDateTime;
            made->m_eStatus = VSS_SS_CREATED;
            InterlockedIncrement(&properties);
            return S_OK;
        }
        return NOT_FOUND;
    }
    HRESULT STDMETHODCALLTYPE Query(VSS_ID, VSS_OBJECT_TYPE, VSS_OBJECT_TYPE, IVssEnumObject **) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE IsVolumeSupported(VSS_ID provider, VSS_PWSZ name, WINBOOL *supported) override {
        if (HRESULT failed = Begin(L"IsVolumeSupported", IsEqualGUID(provider, GUID{}) ? L"" : L"with a provider"))
            return failed;
        *supported = Named(name) ? TRUE : FALSE;
        return S_OK;
    }
    static std::wstring Ids(const VSS_ID *ids, UINT count) {
        std::wstring text;
        for (UINT i = 0; i < count; i++)
            text += (i ? L" " : L"") + Text(ids[i]);
        return text;
    }
    HRESULT STDMETHODCALLTYPE DisableWriterClasses(const VSS_ID *ids, UINT count) override { return Begin(L"DisableWriterClasses", Ids(ids, count)); }
    HRESULT STDMETHODCALLTYPE EnableWriterClasses(const VSS_ID *ids, UINT count) override { return Begin(L"EnableWriterClasses", Ids(ids, count)); }
    HRESULT STDMETHODCALLTYPE DisableWriterInstances(const VSS_ID *, UINT) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE ExposeSnapshot(VSS_ID, VSS_PWSZ, LONG, VSS_PWSZ, VSS_PWSZ *) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE RevertToSnapshot(VSS_ID, WINBOOL) override { return E_NOTIMPL; }
    HRESULT STDMETHODCALLTYPE QueryRevertStatus(VSS_PWSZ, IVssAsync **) override { return E_NOTIMPL; }
};

}

extern "C" HRESULT STDAPICALLTYPE CreateVssBackupComponentsInternal(IVssBackupComponents **made) {
    // The script is read anew for each object: one process serves several cases.
    writers.clear(); volumes.clear(); rules.clear(); statuses.clear(); silent.clear(); calls.clear();
    Load();
    if (HRESULT failed = Begin(L"CreateVssBackupComponents"))
        return failed;
    *made = new Backup();
    return S_OK;
}

extern "C" void APIENTRY VssFreeSnapshotPropertiesInternal(VSS_SNAPSHOT_PROP *freed) {
    if (freed && freed->m_pwszSnapshotDeviceObject)
        InterlockedDecrement(&properties);
}

extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        InitializeCriticalSection(&gate);
        Replace(L"oleaut32.dll", "SysFreeString", (void *)Take);
        Replace(L"advapi32.dll", "GetNamedSecurityInfoW", (void *)Owner);
    }
    return TRUE;
}
