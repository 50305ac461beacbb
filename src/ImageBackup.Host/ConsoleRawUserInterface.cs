using System;
using System.IO;
using System.Management.Automation.Host;

namespace ImageBackup.Host;

/// <summary>The console's window and keys. If the output is not a terminal, a width of 120 columns is assumed.</summary>
internal sealed class ConsoleRawUserInterface : PSHostRawUserInterface
{
    private const int AssumedWidth = 120;
    private const int AssumedHeight = 50;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
    public override int CursorSize { get; set; } = 25;
    public override Size BufferSize { get => WindowSize; set => Ignore(value); }
    public override Size MaxPhysicalWindowSize => WindowSize;
    public override Size MaxWindowSize => WindowSize;
    public override Coordinates WindowPosition { get => new(0, 0); set => Ignore(value); }

    public override Size WindowSize
    {
        get
        {
            if (Console.IsOutputRedirected)
                return new Size(AssumedWidth, AssumedHeight);
            try
            {
                // A serial console or a pseudo terminal without a size answers 0.
                return new Size(
                    Console.WindowWidth > 0 ? Console.WindowWidth : AssumedWidth,
                    Console.WindowHeight > 0 ? Console.WindowHeight : AssumedHeight);
            }
            catch (IOException)
            {
                return new Size(AssumedWidth, AssumedHeight);
            }
        }
        set => Ignore(value);
    }

    public override Coordinates CursorPosition
    {
        get => Console.IsOutputRedirected ? new Coordinates(0, 0) : new Coordinates(Console.CursorLeft, Console.CursorTop);
        set
        {
            if (!Console.IsOutputRedirected)
                Console.SetCursorPosition(value.X, value.Y);
        }
    }

    public override bool KeyAvailable => !Console.IsInputRedirected && Console.KeyAvailable;

    public override string WindowTitle
    {
        get => OperatingSystem.IsWindows() ? Console.Title : "";
        set
        {
            if (!Console.IsOutputRedirected)
                Console.Title = value;
        }
    }

    public override void FlushInputBuffer()
    {
        while (KeyAvailable)
            Console.ReadKey(intercept: true);
    }

    public override KeyInfo ReadKey(ReadKeyOptions options)
    {
        ConsoleKeyInfo key = Console.ReadKey(intercept: (options & ReadKeyOptions.NoEcho) != 0);
        return new KeyInfo((int)key.Key, key.KeyChar, default, keyDown: true);
    }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) =>
        throw new NotSupportedException("The console's content cannot be read.");

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) =>
        throw new NotSupportedException("The console's content cannot be moved.");

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) =>
        throw new NotSupportedException("The console's content cannot be set.");

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill)
    {
        // Clear-Host fills the whole buffer.
        if (!Console.IsOutputRedirected)
            Console.Clear();
    }

    /// <summary>The window is the user's; scripts that size it are passed over.</summary>
    private static void Ignore<T>(T value) => _ = value;
}
