"""How the screen looks. Colours are those of the theme, light or dark; none carries a meaning that words do not."""

STYLE = """
#state { height: 1; padding: 0 1; background: $panel; color: $foreground; }
#loading { height: 1fr; align: center middle; }
#loading > * { width: auto; max-width: 90%; margin-bottom: 1; }
.quiet { color: $text-muted; }
#filter { height: 1; border: none; padding: 0 1; background: $surface; }
#both { height: 1fr; }
#list {
    width: 40%; height: 1fr; border: none; padding: 0; background: $surface;
    border-right: vkey $panel; text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1;
}
#list > .option-list--option { padding: 0 1; }
#details { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
#details:focus { background-tint: $foreground 4%; }
#words { width: 1fr; height: auto; }
.-narrow #list { width: 100%; border: none; }
.-narrow #details { display: none; }
.-narrow #both.-reading #details { display: block; }
.-narrow #both.-reading #list { display: none; }
ModalScreen { align: center middle; }
.dialog {
    width: 90%; max-width: 100; height: auto; max-height: 90%; padding: 0 1; background: $surface; border: round $primary;
}
#branches { height: auto; max-height: 1fr; border: none; padding: 0; text-wrap: nowrap; text-overflow: ellipsis; }
#command { width: 1fr; }
"""
