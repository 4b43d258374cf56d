"""Where lines are typed: editing, completion, history, and the status below."""

from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from arcwire.cli.terminal.rendering import Fragments, style
from arcwire.cli.terminal.screen import make_style
from arcwire.cli.terminal.vocabulary import Vocabulary

REFRESH = 0.5
"""Seconds after which the status is drawn anew."""


class Prompt:
    """Asks for lines. Raises EOFError for Ctrl-D, KeyboardInterrupt for Ctrl-C."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        history: History,
        status: Callable[[], Fragments],
        *,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=_VocabularyCompleter(vocabulary),
            complete_while_typing=False,
            erase_when_done=True,  # what became of a line is shown in its place
            bottom_toolbar=lambda: FormattedText(status()),
            refresh_interval=REFRESH,
            style=make_style(),
            input=input,
            output=output,
        )

    async def ask(self, namespace: str) -> str:
        """A line. Cancelling it restores the terminal."""
        return await self._session.prompt_async(FormattedText([style("prompt", f"{namespace}> ")]))

    @property
    def text(self) -> str:
        """What is typed so far."""
        return self._session.default_buffer.text

    def redraw(self) -> None:
        """The status has changed."""
        self._session.app.invalidate()


class _VocabularyCompleter(Completer):
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for candidate in self._vocabulary.complete(document.text_before_cursor):
            yield Completion(
                candidate.text,
                start_position=-candidate.replaces,
                display=candidate.display,
                display_meta=candidate.about,
            )
