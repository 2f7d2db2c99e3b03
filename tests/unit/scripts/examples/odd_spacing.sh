#!/bin/bash

#SBATCH    --job-name   spaced
#SBATCH	--partition	main
#SBATCH  -n   2	 -c	4   
#SBATCH --mem=4096      

# a comment between

#SBATCH --time=1-0   
echo hello
