namespace Alphaleonis.Win32.Vss;

public enum VssError : uint
{
    Success = 0,
    WriterInfrastructureError = 0x80042318,
    WriterNotResponding = 0x80042319,
    WriterErrorInconsistentSnapshot = 0x800423F0,
    WriterOutOfResources = 0x800423F1,
    WriterTimeout = 0x800423F2,
    WriterErrorRetryable = 0x800423F3,
    WriterErrorNonRetryable = 0x800423F4,
}
