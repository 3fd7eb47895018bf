"""How commands are found: options may stand before them, and wrong words get the nearest right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click


class Group(click.Group):
    """A group that takes the options of its commands before their names too; the later of two wins."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._command_first(ctx, args))

    def _command_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The first word that is a command, if all before it are options of that command, in front."""
        if not args or not args[0].startswith("-"):
            return args
        known = self.list_commands(ctx)
        for position, word in enumerate(args):
            command = self.get_command(ctx, word) if word in known else None
            if command is not None and _takes(_leaf(command, ctx, args[position + 1 :]), ctx, args[:position]):
                return [word, *args[:position], *args[position + 1 :]]
        return args

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            raise click.UsageError(f"no such command '{args[0]}'{self.meant(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

    def meant(self, word: str, known: Sequence[str]) -> str:
        """What to write instead of a word that is no command; "" if nothing is like it."""
        from llmcheck.codec import did_you_mean

        return did_you_mean(word, known)


def _leaf(command: click.Command, ctx: click.Context, rest: Sequence[str]) -> click.Command:
    """The command that is run in the end: ``show`` for ``profiles show``."""
    if not isinstance(command, click.Group):
        return command
    named = (command.get_command(ctx, word) for word in rest if not word.startswith("-"))
    return next((each for each in named if each is not None), command)


def _takes(command: click.Command, ctx: click.Context, options: list[str]) -> bool:
    """Whether these words are options of a command, each with its value."""
    try:
        with command.make_context(command.name, [], parent=ctx, resilient_parsing=True) as own:
            own.resilient_parsing = False  # else the parser keeps what is wrong to itself
            _, rest, _ = command.make_parser(own).parse_args(list(options))
    except click.UsageError:
        return False
    return not rest


class Sectioned(click.Command):
    """A command whose options stand in sections of ``--help``."""

    sections: Mapping[str, tuple[str, ...]] = {}
    """By its title: names of parameters. Those of no section come last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        rows = [(each.name, row) for each in options if (row := each.get_help_record(ctx)) is not None]
        named = {name for names in self.sections.values() for name in names}
        others = tuple(dict.fromkeys(name or "" for name, _ in rows if name not in named))
        last = list(self.sections)[-1]
        for title, names in self.sections.items():
            wanted = (*names, *others) if title == last else names
            with formatter.section(title):
                formatter.write_dl([row for name in wanted for each, row in rows if each == name])


_FORMATS = {"yaml": "json", "yml": "json", "csv": "json", "md": "markdown", "txt": "text", "script": "sh"}
"""Options that people try, and the format that comes nearest."""


def wrong_option(error: click.NoSuchOption) -> str:
    """What is wrong, with what was meant: ``--json`` is ``--format json``."""
    message = error.format_message().removesuffix(".")
    word = error.option_name.lstrip("-").lower()
    kinds = [each.type for each in error.ctx.command.params if each.name == "format"] if error.ctx is not None else []
    choices = [choice for kind in kinds if isinstance(kind, click.Choice) for choice in kind.choices]
    wanted = _FORMATS.get(word, word)
    if wanted not in choices:
        return message
    return f"no such option: {error.option_name} (did you mean '--format {wanted}'?)"
