"""The functions of the template language; `table` names them all."""
