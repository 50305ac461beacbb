using System;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>The one call that puts questions to a volume's driver; a double answers in tests.</summary>
internal interface IVolumeControl
{
    /// <summary>DeviceIoControl.</summary>
    /// <returns>
    /// False with the error's number if the driver refused, or had more to tell than the output holds
    /// (<see cref="WindowsError.MoreData"/>; the output is filled then).
    /// </returns>
    bool Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returnedBytes, out int error);
}
