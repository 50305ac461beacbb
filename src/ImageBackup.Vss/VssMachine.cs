using System;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>What sessions of VSS work with on one machine.</summary>
/// <param name="Service">VSS.</param>
/// <param name="System">The machine's volumes.</param>
/// <param name="Records">Where it is written down what a killed run leaves.</param>
internal sealed record VssMachine(IVssService Service, Func<IVolumeSystem> System, SnapshotUndoRecords<WindowsUndoRecord> Records);
