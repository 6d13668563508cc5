return Parametrize.Tool.CommandLine.Run(args, Console.Out, Console.Error);
